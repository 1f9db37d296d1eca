"""What should change: each method of preference optimization as pure mathematics on likelihoods."""

from penchant.objectives.core.composition import WeightedSum
from penchant.objectives.core.evaluate import evaluate
from penchant.objectives.core.evidence import Evidence
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Losses, Needs, Objective, Requirements, requirements
from penchant.objectives.core.registry import aliases, by_family, by_tag, families, get, is_method, names, wrapper_names
from penchant.objectives.core.registry import by_class_name as __getattr__  # noqa: F401 - gives penchant.objectives.DPO
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import PairWrapper, Wrapper

__all__ = [
    "Evidence",
    "Losses",
    "Needs",
    "Objective",
    "PairWrapper",
    "Requirements",
    "Scored",
    "WeightedSum",
    "Wrapper",
    "aliases",
    "build",
    "by_family",
    "by_tag",
    "evaluate",
    "families",
    "get",
    "is_method",
    "names",
    "requirements",
    "wrapper_names",
]
