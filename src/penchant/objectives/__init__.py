"""What should change: each method of preference optimization as pure mathematics on likelihoods."""

from penchant.objectives.core.composition import WeightedSum
from penchant.objectives.core.evaluate import evaluate
from penchant.objectives.core.objective import Losses, Needs, Objective, Requirements, requirements
from penchant.objectives.core.registry import build, by_family, families, get, names, wrapper_names
from penchant.objectives.core.registry import by_class_name as __getattr__  # noqa: F401 - gives penchant.objectives.DPO
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import Clipped, Weighted, Wrapper

__all__ = [
    "Clipped",
    "Losses",
    "Needs",
    "Objective",
    "Requirements",
    "Scored",
    "Weighted",
    "WeightedSum",
    "Wrapper",
    "build",
    "by_family",
    "evaluate",
    "families",
    "get",
    "names",
    "requirements",
    "wrapper_names",
]
