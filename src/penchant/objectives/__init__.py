"""What should change: each method of preference optimization as pure mathematics on likelihoods."""

from penchant.objectives.base import Losses, Needs, Objective, Requirements, requirements
from penchant.objectives.composition import WeightedSum
from penchant.objectives.evaluate import evaluate
from penchant.objectives.hyperparameters import Hyperparameter
from penchant.objectives.registry import build, by_family, families, get, names, wrapper_names
from penchant.objectives.registry import by_class_name as __getattr__  # noqa: F401 - gives penchant.objectives.DPO
from penchant.objectives.scored import Scored
from penchant.objectives.wrappers import Clipped, Weighted, Wrapper

__all__ = [
    "Clipped",
    "Hyperparameter",
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
