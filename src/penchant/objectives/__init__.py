"""What should change: each method of preference optimization as pure mathematics on likelihoods."""

from typing import TYPE_CHECKING, Any

from penchant.objectives.core.composition import WeightedSum
from penchant.objectives.core.objective import Losses, Needs, Objective, Requirements, requirements
from penchant.objectives.core.registry import (
    build,
    by_class_name,
    by_family,
    families,
    get,
    names,
    wrapper_names,
)
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import Clipped, Weighted, Wrapper

if TYPE_CHECKING:
    from penchant.receipts.evaluation import evaluate

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


def __getattr__(name: str) -> Any:
    """A method's class by its name, and ``evaluate``, which knows published cases and so stands above the methods."""
    if name == "evaluate":
        from penchant.receipts.evaluation import evaluate

        return evaluate
    return by_class_name(name)
