"""Groups of annotators, each with a liking of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penchant.errors import ConfigurationError, nearest
from penchant.lab.worlds.language.attributes import ATTRIBUTES

__all__ = ["Annotator", "check_weights"]


@dataclass(frozen=True)
class Annotator:
    """A group of people who like the same things.

    Args:
        name: what records call them.
        weights: what a unit of each attribute is worth to them (see `ATTRIBUTES`).
        share: how many labels are theirs, in proportion to the other groups' shares, > 0.
        flips: how often they say the opposite of what they think, in [0, 0.5]; as the world says where None.

    Raises:
        ConfigurationError: a weight is of no attribute, or a number is out of its range.

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
    """Raise where a weight is of no attribute.

    Raises:
        ConfigurationError: see above; or there is no weight at all.
    """
    if not weights:
        raise ConfigurationError("Nothing is liked: there are no weights.", where=where, fix=nearest("", ATTRIBUTES))
    for name in weights:
        if name not in ATTRIBUTES:
            raise ConfigurationError(
                f"There is no attribute {name!r} of a review.", where=where, fix=nearest(name, ATTRIBUTES)
            )
