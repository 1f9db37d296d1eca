"""Confidence intervals for means, proportions, paired differences, win rates and areas under the ROC curve."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

__all__ = [
    "Interval",
    "area",
    "area_interval",
    "mean_interval",
    "paired_difference",
    "share_interval",
    "student_interval",
    "win_rate",
]


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

    @classmethod
    def around(cls, value: float, half_width: float) -> Interval:
        """value ± half_width."""
        return cls(value, value - half_width, value + half_width)

    def within(self, low: float, high: float) -> Interval:
        """The same interval with both ends clipped to [low, high]."""
        return Interval(self.value, max(low, self.low), min(high, self.high))


def _normal_quantile(confidence: float) -> float:
    """The two-sided quantile of the standard normal distribution."""
    from scipy.special import ndtri  # imported here: light commands import this module and never compute an interval

    return float(ndtri(_upper_tail(confidence)))


def _student_quantile(confidence: float, freedom: int) -> float:
    """The two-sided quantile of Student's t with ``freedom`` degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, _upper_tail(confidence)))


def _upper_tail(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie strictly between 0 and 1; got {confidence}.")
    return 0.5 + confidence / 2


def _standard_error(values: Sequence[float]) -> float:
    if len(values) < 2:
        raise ValueError(f"An interval needs at least two values; got {len(values)}.")
    return stdev(values) / len(values) ** 0.5


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
    return Interval.around(fmean(values), _normal_quantile(confidence) * _standard_error(values))


def student_interval(values: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """The mean of a few independent values, such as one per seed, with Student's interval.

    mean ± t_{n−1} · s / √n

    Args:
        values: two or more numbers; their distribution is assumed to be approximately normal.
        confidence: in (0, 1).

    Returns:
        Mean and interval, in the unit of the values.

    Raises:
        ValueError: fewer than two values, or a confidence outside (0, 1).

    Example:
        >>> str(student_interval([0.0, 1.0, 0.0, 1.0]))
        '0.500 [-0.419, 1.419]'

    Reference:
        Student (1908), The Probable Error of a Mean.
    """
    error = _standard_error(values)
    return Interval.around(fmean(values), _student_quantile(confidence, len(values) - 1) * error)


def share_interval(share: float, count: int, *, confidence: float = 0.95) -> Interval:
    """A proportion of ``count`` cases with its Wilson score interval.

    centre = (p + z²/2n) / (1 + z²/n),   half-width = z/(1 + z²/n) · √(p(1−p)/n + z²/4n²)

    `scipy.stats.binomtest` cannot be used, because ties count half and p · n is then not a whole number.

    Args:
        share: p, in [0, 1].
        count: n, 1 or more.
        confidence: in (0, 1).

    Returns:
        Proportion and interval, all in [0, 1].

    Raises:
        ValueError: no cases, or a confidence outside (0, 1).

    Example:
        >>> str(share_interval(0.8, 10))
        '0.800 [0.490, 0.943]'

    Reference:
        Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference.
    """
    if count < 1:
        raise ValueError(f"A proportion needs one or more cases; got {count}.")
    z = _normal_quantile(confidence)
    scale = 1.0 + z * z / count
    centre = (share + z * z / (2 * count)) / scale
    half = z / scale * (share * (1.0 - share) / count + z * z / (4 * count * count)) ** 0.5
    # The interval contains the proportion; at 0 and 1 rounding could put an end on the wrong side of it.
    return Interval(share, min(centre - half, share), max(centre + half, share)).within(0.0, 1.0)


def win_rate(before: Sequence[float], after: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """How often ``after`` beats ``before``, ties counting half, with its Wilson score interval (see `share_interval`).

    p = (wins + ties/2) / n

    With ties the variance p(1−p) exceeds the true one, so the interval is conservative.

    Args:
        before: one number per pair, one or more.
        after: the other number of each pair, in the same order.
        confidence: in (0, 1).

    Returns:
        Win rate and interval, all in [0, 1].

    Raises:
        ValueError: lengths differ or are zero.

    Example:
        >>> str(win_rate([0.0] * 10, [1.0] * 8 + [0.0] * 2))
        '0.900 [0.596, 0.982]'
    """
    if len(before) != len(after) or not before:
        raise ValueError(f"A win rate needs one or more pairs; got {len(before)} and {len(after)} values.")
    wins = sum((late > early) + 0.5 * (late == early) for early, late in zip(before, after, strict=True))
    return share_interval(wins / len(before), len(before), confidence=confidence)


def area(first: Sequence[float], second: Sequence[float]) -> float:
    """The area under the ROC curve: the probability that ``first`` exceeds ``second``; ties count half.

    Args:
        first: one or more numbers.
        second: one or more numbers.

    Raises:
        ValueError: a sample is empty.

    Example:
        >>> area([2.0, 3.0], [1.0, 2.0])
        0.875
    """
    if not len(first) or not len(second):
        raise ValueError(f"An area needs values on both sides; got {len(first)} and {len(second)}.")
    ordered = sorted(second)
    return sum(bisect_left(ordered, own) + bisect_right(ordered, own) for own in first) / 2 / len(first) / len(ordered)


def area_interval(first: Sequence[float], second: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """The area under the ROC curve, see `area`, with its interval.

    Args:
        first: one or more numbers.
        second: one or more numbers.
        confidence: in (0, 1).

    Returns:
        Area and interval, all in [0, 1].

    Raises:
        ValueError: a sample is empty, or the confidence is outside (0, 1).

    Example:
        >>> area_interval([3, 4], [1, 2])
        Interval(value=1.0, low=1.0, high=1.0)

    Reference:
        Hanley and McNeil (1982), The Meaning and Use of the Area under a Receiver Operating Characteristic Curve.
    """
    found, count = area(first, second), len(first) * len(second)
    above, below = found / (2 - found), 2 * found * found / (1 + found)
    variance = found * (1 - found) + (len(first) - 1) * (above - found**2) + (len(second) - 1) * (below - found**2)
    half = _normal_quantile(confidence) * (max(0.0, variance) / count) ** 0.5
    return Interval.around(found, half).within(0.0, 1.0)


def paired_difference(
    before: Sequence[float],
    after: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The mean of ``after − before`` over pairs, with its bootstrap percentile interval.

    Pairs are resampled with replacement, so the effect of a shared prompt cancels, and no distribution is assumed. The
    random numbers come from `random.Random` and are the same on every machine and with every library version.

    Args:
        before: one number per pair, two or more.
        after: the other number of each pair, in the same order.
        confidence: in (0, 1).
        resamples: number of bootstrap samples, at least 100.
        seed: seed of the resampling; the same seed gives the same interval.

    Returns:
        Mean difference and interval, in the unit of the values.

    Raises:
        ValueError: the lengths differ, or there are too few pairs or resamples.

    Example:
        >>> paired_difference([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])
        Interval(value=1.0, low=1.0, high=1.0)

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    tail = 1.0 - _upper_tail(confidence)
    if len(before) != len(after) or len(before) < 2 or resamples < 100:
        raise ValueError(
            f"A paired interval needs two or more pairs and 100 or more resamples; "
            f"got {len(before)} and {len(after)} values and {resamples} resamples."
        )
    differences = [late - early for early, late in zip(before, after, strict=True)]
    rng = random.Random(seed)
    means = sorted(fmean(rng.choices(differences, k=len(differences))) for _ in range(resamples))
    cut = round(tail * (resamples - 1))
    return Interval(fmean(differences), means[cut], means[resamples - 1 - cut])
