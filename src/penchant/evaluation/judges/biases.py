"""Biases of a judge: position, length, and calibration of its probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.statistics import Interval, share_interval

__all__ = ["PositionBias", "calibration_error", "length_preference", "pair_calibration", "position_bias"]


@dataclass(frozen=True)
class PositionBias:
    """How a judge's votes change when the two responses change places.

    Args:
        consistent: share of pairs with the same vote in both orders, with interval.
        first: share of pairs in which the response shown first wins in both orders.
        second: the same of the response shown second.
        accuracy: share of votes that equal the gold label; NaN without labels.
        consistent_accuracy: share of pairs that are right in both orders; NaN without labels.
        unread: pairs with a vote that could not be read, left out.
        pairs: the others.
    """

    consistent: Interval
    first: float
    second: float
    accuracy: float
    consistent_accuracy: float
    unread: int
    pairs: int

    @property
    def accuracy_where_consistent(self) -> float:
        """Share of right ones among the pairs with the same vote in both orders; NaN where there are none."""
        same = self.consistent.value
        return self.consistent_accuracy / same if same else math.nan

    def as_dict(self) -> dict[str, float | None]:
        """The figures as JSON holds them; None without labels."""
        found = {"consistent": self.consistent.value, "low": self.consistent.low, "high": self.consistent.high}
        found |= {"first": self.first, "second": self.second, "accuracy": self.accuracy}
        found |= {"accuracy_where_consistent": self.accuracy_where_consistent, "unread": self.unread}
        return {"pairs": self.pairs, **{name: None if math.isnan(each) else each for name, each in found.items()}}


def position_bias(votes: Sequence[tuple[int | None, int | None]], labels: Sequence[int] | None = None) -> PositionBias:
    """Measure position bias from votes in both orders.

    Args:
        votes: for each pair the vote in the given order, and in the exchanged one; both in the original numbering, 1 or
            2; None where a vote could not be read.
        labels: the better response of each pair, 1 or 2.

    Raises:
        DataError: no pair has two votes, or a vote is neither 1, 2 nor None.

    Example:
        >>> found = position_bias([(1, 1), (1, 2)], [1, 1])
        >>> found.consistent.value, found.first, found.accuracy
        (0.5, 0.5, 0.75)
    """
    gold = [None] * len(votes) if labels is None else list(labels)
    read = [(one, two, own) for (one, two), own in zip(votes, gold, strict=True) if one is not None and two is not None]
    if not read:
        raise DataError("No pair has a vote in both orders.", fix="Ask the judge in both orders.")
    if wrong := next((vote for one, two, _ in read for vote in (one, two) if vote not in (1, 2)), None):
        raise DataError(f"A vote is {wrong!r}, expected 1, 2 or None.", fix="Number the responses 1 and 2.")
    count = len(read)
    right = [(one == own) + (two == own) for one, two, own in read]
    return PositionBias(
        consistent=share_interval(sum(one == two for one, two, _ in read) / count, count),
        first=sum((one, two) == (1, 2) for one, two, _ in read) / count,
        second=sum((one, two) == (2, 1) for one, two, _ in read) / count,
        accuracy=sum(right) / (2 * count) if labels is not None else math.nan,
        consistent_accuracy=sum(each == 2 for each in right) / count if labels is not None else math.nan,
        unread=len(votes) - count,
        pairs=count,
    )


def length_preference(lengths: Sequence[tuple[float, float]], votes: Sequence[int]) -> Interval:
    """The share of votes for the longer response, with interval; pairs of equal length are left out.

    Args:
        lengths: of the first and the second response.
        votes: 1 or 2.

    Raises:
        DataError: no pair has different lengths.

    Example:
        >>> length_preference([(5, 3), (2, 9), (4, 4)], [1, 1, 2]).value
        0.5
    """
    longer = [(1 if one > two else 2) == vote for (one, two), vote in zip(lengths, votes, strict=True) if one != two]
    if not longer:
        raise DataError("No pair has responses of different length.")
    return share_interval(sum(longer) / len(longer), len(longer))


def calibration_error(probabilities: Sequence[float], outcomes: Sequence[float], bins: int = 10) -> float:
    """Expected calibration error: how far the judge's probabilities are from the shares that come true, in [0, 1].

    Σ_b (n_b / n) |mean probability − share of outcomes|,   bins of equal width

    Args:
        probabilities: that the first response is better.
        outcomes: 1, 0, or ½ for a tie.
        bins: number of bins.

    Raises:
        DataError: lengths differ or are zero, or a probability is outside of [0, 1].

    Example:
        >>> calibration_error([0.8] * 5, [1, 1, 1, 1, 0])
        0.0
    """
    if len(probabilities) != len(outcomes) or not probabilities or not all(0 <= each <= 1 for each in probabilities):
        raise DataError("Calibration needs one probability in [0, 1] for each outcome.")
    sums: dict[int, list[float]] = {}
    for chance, outcome in zip(probabilities, outcomes, strict=True):
        own = sums.setdefault(min(int(chance * bins), bins - 1), [0.0, 0.0])
        own[0] += chance
        own[1] += outcome
    return sum(abs(chance - outcome) for chance, outcome in sums.values()) / len(probabilities)


def pair_calibration(preferred: Sequence[float], *, resamples: int = 200, seed: int = 0) -> Interval:
    """The calibration error of a judge on pairs, with its 95 % bootstrap interval; each pair counts from both sides.

    Args:
        preferred: for each pair the probability that the judge gives the response that people prefer.
        resamples: bootstrap samples of the pairs.
        seed: of the resampling.

    Raises:
        DataError: there are no pairs, or a probability is outside of [0, 1].

    Example:
        >>> pair_calibration([0.75, 0.75, 0.75, 0.25], resamples=20).value
        0.0
    """
    pairs, rng = np.asarray(preferred, dtype=float), np.random.default_rng(seed)

    def error(own: np.ndarray) -> float:
        return calibration_error([*own.tolist(), *(1 - own).tolist()], [1.0] * len(own) + [0.0] * len(own))

    value = error(pairs)
    drawn = [error(rng.choice(pairs, len(pairs))) for _ in range(resamples)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, min(value, float(low)), max(value, float(high)))
