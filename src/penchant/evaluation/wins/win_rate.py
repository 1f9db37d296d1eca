"""Win rates with standard errors, and bootstrap intervals of means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.statistics import Interval

__all__ = ["WinRate", "bootstrap_mean", "win_rate"]


@dataclass(frozen=True)
class WinRate:
    """How often a model beats its baseline.

    Args:
        rate: mean probability of a win, ties half, in percent.
        standard_error: of the rate, percent; NaN for a single comparison.
        wins: comparisons with a probability above ½.
        losses: comparisons with a probability below ½.
        draws: the others.
        interval: bootstrap percentile interval of the rate, percent; 0 to 100 for a single comparison.
    """

    rate: float
    standard_error: float
    wins: int
    losses: int
    draws: int
    interval: Interval

    @property
    def total(self) -> int:
        """Number of comparisons."""
        return self.wins + self.losses + self.draws

    @property
    def discrete(self) -> float:
        """The rate with each comparison rounded to a win, a draw or a loss, percent."""
        return 100.0 * (self.wins + self.draws / 2) / self.total


def win_rate(preferences: Sequence[float], *, resamples: int = 1000, seed: int = 0) -> WinRate:
    """The win rate of a model over its baseline.

    rate = 100 · mean(p),   standard error = 100 · s/√n

    Args:
        preferences: for each prompt the probability in [0, 1] that the model is preferred.
        resamples: bootstrap samples of the interval.
        seed: of the resampling.

    Raises:
        DataError: there are none, or one is not in [0, 1].

    Example:
        >>> found = win_rate([1.0, 1.0, 0.5, 0.0])
        >>> found.rate, found.wins, found.draws
        (62.5, 2, 1)
    """
    values = np.asarray(preferences, dtype=float)
    if not len(values) or not bool(((values >= 0) & (values <= 1)).all()):
        wrong = "There are no preferences" if not len(values) else "A preference lies outside of [0, 1], or is NaN"
        raise DataError(f"{wrong}; a win rate needs one probability for each comparison.")
    error = float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")
    between = bootstrap_mean(values, resamples=resamples, seed=seed)
    between = between if len(values) > 1 else Interval(between.value, 0.0, 1.0)
    return WinRate(
        rate=100 * float(values.mean()),
        standard_error=100 * error,
        wins=int((values > 0.5).sum()),
        losses=int((values < 0.5).sum()),
        draws=int((values == 0.5).sum()),
        interval=Interval(100 * between.value, 100 * between.low, 100 * between.high),
    )


def bootstrap_mean(
    values: Sequence[float] | np.ndarray, *, resamples: int = 1000, seed: int = 0, confidence: float = 0.95
) -> Interval:
    """The mean with its bootstrap percentile interval.

    Args:
        values: one or more numbers.
        resamples: number of bootstrap samples.
        seed: of the resampling.
        confidence: in (0, 1).
    """
    numbers = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    means = [float(numbers[rng.integers(len(numbers), size=len(numbers))].mean()) for _ in range(resamples)]
    tail = 50 * (1 - confidence)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Interval(float(numbers.mean()), float(low), float(high))
