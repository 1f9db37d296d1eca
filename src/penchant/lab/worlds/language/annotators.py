"""Groups of annotators with their own preferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penchant.errors import ConfigurationError, nearest
from penchant.lab.worlds.language.attributes import ATTRIBUTES

__all__ = ["Annotator", "check_weights"]


@dataclass(frozen=True)
class Annotator:
    """A group of annotators with the same preferences.

    Args:
        name: name in the records.
        weights: reward per unit of each attribute (see `ATTRIBUTES`).
        share: relative share of labels by this group, > 0.
        flips: rate of flipped labels, in [0, 0.5]; that of the world if None.

    Raises:
        ConfigurationError: an unknown attribute has a weight, or a number is out of range.

    Example:
        >>> Annotator("hurried", {"short": 2.0, "helpful": 0.5}).share
        1.0
    """

    name: str
    weights: Mapping[str, float]
    share: float = 1.0
    flips: float | None = None

    def __post_init__(self) -> None:
        check_weights(self.weights, f"annotator {self.name!r}")
        if self.share <= 0 or not 0 <= (self.flips or 0.0) <= 0.5:
            raise ConfigurationError(
                f"The annotator has share = {self.share}, flips = {self.flips}.",
                where=f"annotator {self.name!r}",
                fix="Give a share above 0, and flips from 0 to 0.5.",
            )


def check_weights(weights: Mapping[str, float], where: str) -> None:
    """Raise if an unknown attribute has a weight.

    Raises:
        ConfigurationError: an attribute is unknown, or there are no weights.
    """
    if not weights:
        raise ConfigurationError(
            "There are no weights, so every review has reward 0.", where=where, fix=nearest("", ATTRIBUTES)
        )
    for name in weights:
        if name not in ATTRIBUTES:
            raise ConfigurationError(
                f"There is no attribute {name!r} of a review.", where=where, fix=nearest(name, ATTRIBUTES)
            )
