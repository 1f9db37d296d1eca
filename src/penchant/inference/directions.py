"""Directions of preference: unit vectors of weights, and their neighbourhoods."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from penchant.errors import ConfigurationError

__all__ = ["neighbours", "unit"]


def unit(direction: Sequence[float]) -> list[float]:
    """A direction with length 1.

    Raises:
        ConfigurationError: it has fewer than two numbers, or all are 0.

    Example:
        >>> unit([3.0, 4.0])
        [0.6, 0.8]
    """
    length = math.sqrt(sum(each * each for each in direction))
    if len(direction) < 2 or not 0 < length < math.inf:
        raise ConfigurationError(
            f"The direction {list(direction)} is none: expected at least two weights, not all 0.", where="direction"
        )
    return [each / length for each in direction]


def neighbours(
    target: Sequence[float],
    count: int,
    angle: float,
    *,
    even: bool = False,
    with_target: bool = False,
    positive: bool = True,
    seed: int = 0,
) -> list[list[float]]:
    """Unit directions within an angle of a target.

    A direction is the target turned by an angle, uniform in [−θ, θ], towards a random orthogonal direction; in two
    dimensions they may instead be spread evenly over [−θ, θ].

    Args:
        target: weights of the target, of any length.
        count: number of directions.
        angle: θ, degrees, in [0, 90).
        even: spread them evenly (two dimensions).
        with_target: the first direction is the target itself.
        positive: weights below 0 become 0, if the target has none; this only brings directions nearer to it.
        seed: of the draws.

    Raises:
        ConfigurationError: an even spread is wanted in more than two dimensions.

    Example:
        >>> [[round(each, 2) for each in one] for one in neighbours([1.0, 1.0], 3, 30.0, even=True)]
        [[0.97, 0.26], [0.71, 0.71], [0.26, 0.97]]

    Reference:
        Robust Preference Selection (2025), arXiv:2510.20498.
    """
    centre = unit(target)
    if even and len(centre) != 2:
        raise ConfigurationError(
            f"Directions of {len(centre)} weights cannot be spread evenly.", where="spread", fix="Draw them at random."
        )
    rng, found = random.Random(seed), [centre] if with_target else []
    left = count - len(found)
    for place in range(left):
        share = (2 * place / (left - 1) - 1 if left > 1 else 0.0) if even else rng.uniform(-1, 1)
        turned = _turned(centre, _orthogonal(centre, rng), math.radians(angle) * share)
        found.append(unit([max(0.0, each) for each in turned]) if positive and min(centre) >= 0 else turned)
    return found


def _orthogonal(centre: Sequence[float], rng: random.Random) -> list[float]:
    """A random unit direction at a right angle to the centre; in two dimensions the one to the left."""
    if len(centre) == 2:
        return [-centre[1], centre[0]]
    while True:
        drawn = [rng.gauss(0, 1) for _ in centre]
        along = sum(a * b for a, b in zip(drawn, centre, strict=True))
        rest = [a - along * b for a, b in zip(drawn, centre, strict=True)]
        if sum(each * each for each in rest) > 1e-12:
            return unit(rest)


def _turned(centre: Sequence[float], towards: Sequence[float], angle: float) -> list[float]:
    return [math.cos(angle) * a + math.sin(angle) * b for a, b in zip(centre, towards, strict=True)]
