"""Confidence intervals of means and of shares."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

__all__ = ["mean_with_interval", "mean_with_t_interval", "share_with_interval"]

_Z = NormalDist().inv_cdf(0.975)


def mean_with_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of independent values with its 95 % normal interval.

    mean ± 1.96 s / √n

    Args:
        values: one or more numbers.

    Returns:
        Mean, low and high, in the unit of the values; equal for a single value.

    Example:
        >>> mean_with_interval([1.0, 1.0, 1.0])
        (1.0, 1.0, 1.0)
    """
    mean = fmean(values)
    error = _Z * stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return mean, mean - error, mean + error


# Two-sided 95 % quantiles of Student's t for 1, 2, 3, ... degrees of freedom.
_T = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
)


def _t_quantile(freedom: int) -> float:
    if freedom <= len(_T):
        return _T[freedom - 1]
    # Expansion of the quantile around that of the normal distribution; the error is below 1e-4 from here on.
    terms = (
        (_Z**3 + _Z) / 4,
        (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96,
        (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / 384,
    )
    return _Z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def mean_with_t_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of a few independent values, such as one for each seed, with its 95 % t-interval.

    mean ± t s / √n,   t the 0.975 quantile of Student's distribution with n − 1 degrees of freedom

    Args:
        values: one or more numbers.

    Returns:
        Mean, low and high, in the unit of the values; equal for a single value, which has no interval.

    Example:
        >>> [round(each, 2) for each in mean_with_t_interval([1.0, 2.0, 3.0])]
        [2.0, -0.48, 4.48]

    Reference:
        Student (1908), The Probable Error of a Mean.
    """
    mean = fmean(values)
    error = _t_quantile(len(values) - 1) * stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return mean, mean - error, mean + error


def share_with_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of values that are 0 or 1 with its 95 % Wilson interval, which stays within [0, 1].

    centre = (p + z²/2n) / (1 + z²/n),   half-width = z/(1 + z²/n) √(p(1−p)/n + z²/4n²)

    Args:
        values: one or more numbers in [0, 1].

    Returns:
        Share, low and high.

    Example:
        >>> [round(each, 3) for each in share_with_interval([1.0] * 8 + [0.0] * 2)]
        [0.8, 0.49, 0.943]

    Reference:
        Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference.
    """
    count, share = len(values), fmean(values)
    scale = 1 + _Z**2 / count
    centre = (share + _Z**2 / (2 * count)) / scale
    half = _Z / scale * (share * (1 - share) / count + _Z**2 / (4 * count**2)) ** 0.5
    return share, max(0.0, centre - half), min(1.0, centre + half)
