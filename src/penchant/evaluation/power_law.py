"""`power_law`: how a loss falls with the size of the data or the model, with intervals and the goodness of fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from penchant.errors import DataError

__all__ = ["PowerLaw", "power_law"]


@dataclass(frozen=True)
class PowerLaw:
    """A fitted law L(N) = (N / N_c)^(−α).

    Args:
        exponent: α; above 0 where the loss falls.
        interval: of α, 95 %; from −∞ to ∞ for two points.
        scale: N_c, the size with loss 1, in the unit of N; NaN where α is 0, infinite or 0 where it is too large or too
            small for a number: hardly any law.
        fit: R² of log L on log N in [0, 1]; NaN where all losses are equal.
        level: log L at N = 1.
    """

    exponent: float
    interval: tuple[float, float]
    scale: float
    fit: float
    level: float

    def loss(self, size: float) -> float:
        """L at a size."""
        return math.exp(self.level - self.exponent * math.log(size))


def power_law(sizes: Sequence[float], losses: Sequence[float]) -> PowerLaw:
    """Fit L(N) = (N / N_c)^(−α) by linear regression of log L on log N.

    An interval that holds 0 says that these points show no law. Extrapolate only where R² is close to 1.

    Args:
        sizes: N, at least two different numbers above 0: pairs, steps or parameters.
        losses: L above 0 at each size, nats.

    Raises:
        DataError: there are fewer than two different sizes, or a number is not finite and above 0.

    Example:
        >>> found = power_law([100, 1000, 10000], [0.6, 0.3, 0.15])
        >>> round(found.exponent, 4), round(found.fit, 4), round(found.loss(100000), 4)
        (0.301, 1.0, 0.075)

    Reference:
        Wang et al. (2025), WorldPM: Scaling Human Preference Modeling, arXiv:2505.10527. The interval is that of the
        slope of a linear regression (Student's t).
    """
    if len(sizes) != len(losses) or len(set(sizes)) < 2:
        raise DataError(
            f"There are {len(sizes)} sizes ({len(set(sizes))} different) and {len(losses)} losses; expected a loss for "
            "each size, and at least two different sizes."
        )
    for name, values in (("size", sizes), ("loss", losses)):
        for value in values:
            if not (math.isfinite(value) and value > 0):
                raise DataError(f"A {name} is {value}, expected a finite number above 0: its logarithm is fitted.")
    from scipy import stats

    line = stats.linregress([math.log(each) for each in sizes], [math.log(each) for each in losses])
    if len(set(losses)) == 1:
        return PowerLaw(0.0, (0.0, 0.0), math.nan, math.nan, math.log(losses[0]))
    degrees = len(sizes) - 2
    half = float(stats.t.ppf(0.975, degrees) * line.stderr) if degrees else math.inf
    alpha = -float(line.slope)
    level = float(line.intercept)
    return PowerLaw(alpha, (alpha - half, alpha + half), _scale(level, alpha), float(line.rvalue) ** 2, level)


def _scale(level: float, alpha: float) -> float:
    try:
        return math.exp(level / alpha) if alpha else math.nan
    except OverflowError:
        return math.inf
