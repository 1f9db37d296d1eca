"""Pareto fronts, the frontier of reward and divergence over checkpoints, and how utility is shared among groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from penchant.errors import DataError

__all__ = ["gini", "pareto_front", "reward_frontier", "worst_group"]


def pareto_front(points: Sequence[Sequence[float]]) -> list[int]:
    """The indices of the points that no other point equals or exceeds in every objective and exceeds in one.

    Args:
        points: [N][objectives], larger is better.

    Example:
        >>> pareto_front([[1.0, 0.0], [0.0, 1.0], [0.0, 0.5]])
        [0, 1]
    """
    table = np.asarray(points, dtype=float)
    if table.ndim != 2 or np.isnan(table).any():
        raise DataError("A front needs points with one number for each objective, none of them NaN.")
    at_least = (table[:, None] >= table[None]).all(2)
    above = (table[:, None] > table[None]).any(2)
    return np.flatnonzero(~(at_least & above).any(0)).tolist()


def reward_frontier(divergence: Sequence[float], reward: Sequence[float]) -> list[int]:
    """The checkpoints with the most reward for their divergence from the reference, by rising divergence.

    Args:
        divergence: of each checkpoint, nats; smaller is better.
        reward: of each checkpoint; larger is better.

    Example:
        >>> reward_frontier([0.0, 3.0, 2.0], [0.0, 1.0, 2.0])
        [0, 2]
    """
    front = pareto_front([[-own, gain] for own, gain in zip(divergence, reward, strict=True)])
    return sorted(front, key=lambda place: divergence[place])


def worst_group(utilities: Mapping[str, Sequence[float]]) -> tuple[str, float]:
    """The group of least mean utility, and that mean.

    Example:
        >>> worst_group({"a": [1.0, 0.0], "b": [1.0]})
        ('a', 0.5)
    """
    if not utilities or not all(len(each) for each in utilities.values()):
        raise DataError("Every group needs one utility or more.")
    means = {name: float(np.mean(each)) for name, each in utilities.items()}
    name = min(means, key=lambda each: means[each])
    return name, means[name]


def gini(values: Sequence[float]) -> float:
    """The Gini coefficient: 0 where all have the same, towards 1 − 1/n where one has all.

    G = Σ_i Σ_j |u_i − u_j| / (2 n² ū)

    Args:
        values: utilities, not negative, with a positive mean.

    Raises:
        DataError: a value is negative, or their mean is 0.

    Example:
        >>> gini([1.0, 1.0]), gini([0.0, 1.0])
        (0.0, 0.5)
    """
    numbers = np.asarray(values, dtype=float)
    if not len(numbers) or bool((numbers < 0).any()) or numbers.mean() == 0:
        raise DataError("A Gini coefficient needs utilities that are not negative and not all 0.")
    return float(np.abs(numbers[:, None] - numbers[None]).sum() / (2 * len(numbers) ** 2 * numbers.mean()))
