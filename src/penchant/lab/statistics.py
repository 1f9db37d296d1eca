"""Confidence intervals for what the lab measures: means, paired differences, win rates. All are deterministic."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

__all__ = ["Interval", "mean_interval", "paired_difference", "small_sample_interval", "win_rate"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval [low, high].

    Example:
        >>> str(Interval(0.5, 0.25, 0.75))
        '0.500 [0.250, 0.750]'
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def _critical(confidence: float) -> float:
    """The two-sided quantile of the standard normal distribution."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie strictly between 0 and 1; got {confidence}.")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def mean_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """The mean of independent values with its normal interval.

    mean ± z · s / √n,   s the sample standard deviation

    Args:
        values: two or more numbers.
        confidence: in (0, 1).

    Returns:
        Mean and interval, in the unit of the values.

    Raises:
        ValueError: fewer than two values, or a confidence outside (0, 1).

    Example:
        >>> str(mean_interval([0.0, 1.0, 0.0, 1.0]))
        '0.500 [-0.066, 1.066]'
    """
    z = _critical(confidence)
    if len(values) < 2:
        raise ValueError(f"An interval needs at least two values; got {len(values)}.")
    mean, error = fmean(values), stdev(values) / len(values) ** 0.5
    return Interval(mean, mean - z * error, mean + z * error)


def small_sample_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """The mean of a few independent values with Student's interval, which is as wide as few values deserve.

    mean ± t_{n−1} · s / √n

    Args:
        values: two or more numbers; their distribution is taken to be about normal.
        confidence: in (0, 1).

    Returns:
        Mean and interval, in the unit of the values.

    Raises:
        ValueError: fewer than two values, or a confidence outside (0, 1).

    Example:
        >>> str(small_sample_interval([0.0, 1.0, 0.0, 1.0]))
        '0.500 [-0.419, 1.419]'

    Reference:
        Student (1908), The Probable Error of a Mean.
    """
    from scipy.special import stdtrit  # loaded by those who ask for it

    wide = mean_interval(values, confidence=confidence)
    ratio = float(stdtrit(len(values) - 1, 0.5 + confidence / 2)) / _critical(confidence)
    return Interval(
        wide.value, wide.value - ratio * (wide.value - wide.low), wide.value + ratio * (wide.high - wide.value)
    )


def paired_difference(
    before: Sequence[float],
    after: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The mean of ``after − before`` over pairs, with its bootstrap percentile interval.

    Pairs are drawn with replacement, so what a pair has in common (its prompt) cancels, and no shape of distribution
    is assumed.

    Args:
        before, after: one number per pair, in the same order, two or more.
        confidence: in (0, 1).
        resamples: number of bootstrap samples, at least 100.
        seed: of the resampling; the same seed gives the same interval.

    Returns:
        Mean difference and interval, in the unit of the values.

    Raises:
        ValueError: lengths differ, or too few pairs or resamples.

    Example:
        >>> paired_difference([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])
        Interval(value=1.0, low=1.0, high=1.0)

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    _critical(confidence)
    if len(before) != len(after) or len(before) < 2 or resamples < 100:
        raise ValueError(
            f"A paired interval needs two or more pairs and 100 or more resamples; "
            f"got {len(before)} and {len(after)} values and {resamples} resamples."
        )
    differences = [late - early for early, late in zip(before, after, strict=True)]
    rng = random.Random(seed)
    means = sorted(fmean(rng.choices(differences, k=len(differences))) for _ in range(resamples))
    cut = round((1.0 - confidence) / 2 * (resamples - 1))
    return Interval(fmean(differences), means[cut], means[resamples - 1 - cut])


def win_rate(before: Sequence[float], after: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """How often ``after`` beats ``before``, a tie counting half, with the Wilson score interval.

    p = (wins + ties/2) / n
    centre = (p + z²/2n) / (1 + z²/n),   half-width = z/(1 + z²/n) · √(p(1−p)/n + z²/4n²)

    With ties the variance p(1−p) is larger than the true one, so the interval errs on the wide side.

    Args:
        before, after: one number per pair, in the same order, one or more.
        confidence: in (0, 1).

    Returns:
        Win rate and interval, all in [0, 1].

    Raises:
        ValueError: lengths differ or are zero.

    Example:
        >>> str(win_rate([0.0] * 10, [1.0] * 8 + [0.0] * 2))
        '0.900 [0.596, 0.982]'

    Reference:
        Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    z = _critical(confidence)
    if len(before) != len(after) or not before:
        raise ValueError(f"A win rate needs one or more pairs; got {len(before)} and {len(after)} values.")
    n = len(before)
    rate = sum((late > early) + 0.5 * (late == early) for early, late in zip(before, after, strict=True)) / n
    scale = 1.0 + z * z / n
    centre = (rate + z * z / (2 * n)) / scale
    half = z / scale * (rate * (1.0 - rate) / n + z * z / (4 * n * n)) ** 0.5
    return Interval(rate, max(0.0, centre - half), min(1.0, centre + half))
