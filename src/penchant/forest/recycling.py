"""Endless passes over a source, each reshuffled, and mixtures of files with fixed ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import ConfigurationError

__all__ = ["Mixture", "recycled"]

# The order of an epoch is drawn from (seed, epoch); this offset keeps the keys of further sources distinct.
STREAM = 1_000_003


def recycled(count: int, start: int, wanted: int, *, seed: int, stream: int, shuffle: bool = True) -> list[int]:
    """A part of endless passes over ``count`` examples; every pass is reshuffled.

    Args:
        count: number of examples of the source.
        start: number of examples drawn before.
        wanted: number of examples to draw.
        seed: the run's seed.
        stream: number of the source; different sources have different orders.
        shuffle: False keeps the order of the data in every pass.

    Returns:
        ``wanted`` indices from 0 to ``count`` − 1; ``count`` consecutive draws from a multiple of ``count`` on are a
        permutation.

    Example:
        >>> recycled(3, 2, 4, seed=0, stream=0, shuffle=False)
        [2, 0, 1, 2]
    """
    found: list[int] = []
    while len(found) < wanted:
        number, place = divmod(start + len(found), count)
        order: Sequence[int] = range(count)
        if shuffle:
            order = np.random.default_rng([seed, STREAM + stream, number]).permutation(count).tolist()
        found.extend(order[place : place + wanted - len(found)])
    return found


@dataclass(frozen=True)
class Mixture:
    """Several files with fixed ratios. An epoch is the first file once; the others are drawn in proportion and repeat.

    Args:
        counts: number of examples of each file; the files' indices are consecutive in the data.
        weights: relative share of each file in an epoch.

    Raises:
        ConfigurationError: a weight is not above 0, or a file has no examples.

    Example:
        >>> mixture = Mixture((6, 2), (0.75, 0.25))
        >>> mixture.per_epoch, mixture.members(0, seed=0, shuffle=False)
        ((6, 2), [0, 1, 2, 3, 4, 5, 6, 7])
    """

    counts: tuple[int, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        wrong = len(self.counts) != len(self.weights) or min(self.counts) < 1 or not min(self.weights) > 0
        if wrong:
            raise ConfigurationError(
                f"A mixture has {list(self.counts)} examples with weights {list(self.weights)}; expected a weight "
                "above 0 for every file, and examples in each."
            )

    @property
    def per_epoch(self) -> tuple[int, ...]:
        """Number of examples of each file per epoch, at least one."""
        first = self.counts[0] / self.weights[0]
        return (self.counts[0], *(max(1, round(first * weight)) for weight in self.weights[1:]))

    def members(self, epoch: int, *, seed: int, shuffle: bool) -> list[int]:
        """The examples of an epoch, file by file; the plan shuffles them."""
        members = list(range(self.counts[0]))
        offset = self.counts[0]
        for number, (count, wanted) in enumerate(zip(self.counts[1:], self.per_epoch[1:], strict=True)):
            drawn = recycled(count, epoch * wanted, wanted, seed=seed, stream=number, shuffle=shuffle)
            members += [offset + index for index in drawn]
            offset += count
        return members
