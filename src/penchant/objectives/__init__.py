"""Objectives: the methods of preference optimization as functions of likelihoods."""

from typing import TYPE_CHECKING, Any

from penchant.objectives.core.composition import WeightedSum
from penchant.objectives.core.evidence import Evidence
from penchant.objectives.core.expression import build
from penchant.objectives.core.objective import Losses, Needs, Objective, Requirements, requirements
from penchant.objectives.core.registry import (
    aliases,
    by_class_name,
    by_family,
    by_tag,
    families,
    get,
    is_method,
    names,
    wrapper_names,
)
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import PairWrapper, Wrapper

if TYPE_CHECKING:
    from penchant.receipts.evaluation import evaluate

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


def __getattr__(name: str) -> Any:
    """A method's class by its name; and ``evaluate``, which depends on receipts and so is imported lazily."""
    if name == "evaluate":
        from penchant.receipts.evaluation import evaluate

        return evaluate
    return by_class_name(name)
