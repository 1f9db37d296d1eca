"""Measures of fairness and relevance at once, and the distance to their Pareto frontier."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.fairness import PATIENCE, exposure_of

__all__ = ["distances_to_frontier", "joint_metrics", "reference_point"]


def joint_metrics(lists: Sequence[Sequence[int]], relevant: Sequence[Collection[int]], items: int) -> dict[str, float]:
    """Measures of whether items are exposed in proportion to how relevant they are.

    Args:
        lists: the recommended items of each user, numbered 1 to ``items``, best first.
        relevant: the items that each user took.
        items: number of items in the catalogue.

    Returns:
        Lower is better: ``II-F_ori`` and ``AI-F_ori`` (deviation of exposure from what relevance deserves, single and
        averaged over users), ``MME_ori`` (how much an item would gain in another's places), ``IAA_ori`` (attention
        against relevance). Higher is better: ``IBO_ori`` (share of items exposed 1.1 times better than by chance) and
        ``IBO_our`` (of the items that somebody finds relevant).

    Reference:
        Rampisela et al. (2023), arXiv:2311.01013; Rampisela et al. (2025), arXiv:2502.11921.
    """
    table = np.asarray(lists)
    users, k = table.shape
    wanted = np.zeros((users, items))
    for row, each in enumerate(relevant):
        wanted[row, np.asarray(sorted(each), dtype=int) - 1] = 1
    number = wanted.sum(axis=1, keepdims=True)
    deserved = np.where(number > 0, wanted * (1 - PATIENCE**number) / ((1 - PATIENCE) * np.maximum(number, 1)), 0.0)
    gap = exposure_of(table, items) - deserved
    inverse = np.zeros((users, items))  # 1 / place of each item in each list
    np.put_along_axis(inverse, table - 1, np.tile(1 / np.arange(1, k + 1), (users, 1)), axis=1)
    attention = np.zeros((users, items))
    steps = (k - np.arange(1, k + 1)) / max(k - 1, 1)
    np.put_along_axis(attention, table - 1, np.tile(steps, (users, 1)), axis=1)
    gained = wanted.T @ inverse  # [i, j] what item i would get in the places of item j
    envy = (gained.max(axis=1) - np.diag(gained)).sum() / (users * items)
    impact, chance = np.diag(gained) / users, wanted.sum(axis=0) * (1 / np.arange(1, k + 1)).sum() / (items * users)
    better, asked = impact >= 1.1 * chance, wanted.sum(axis=0) > 0
    return {
        "II-F_ori": float((gap**2).mean()),
        "AI-F_ori": float((gap.mean(axis=0) ** 2).mean()),
        "IBO_ori": float(better[asked].sum() / items) if asked.any() else math.nan,
        "IBO_our": float(better[asked].mean()) if asked.any() else math.nan,
        "MME_ori": float(envy),
        "IAA_ori": float(np.abs(attention - wanted).mean()),
    }


def reference_point(frontier: Sequence[tuple[float, float]], alpha: float = 0.5) -> tuple[float, float]:
    """The point of a frontier at the share α of its length, from the most relevant to the fairest end.

    Args:
        frontier: points (relevance, fairness), from the most relevant to the fairest; of points of equal relevance the
            last counts.
        alpha: in [0, 1]; 1 is the fairest end.

    Returns:
        The end of the segment whose cumulative length is nearest to α times the whole length.

    Raises:
        ConfigurationError: α is outside [0, 1], or there is no point.

    Example:
        >>> reference_point([(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)])
        (0.5, 0.5)
    """
    if not frontier or not 0 <= alpha <= 1:
        raise ConfigurationError(
            f"A frontier of {len(frontier)} points has no reference point at α = {alpha}.",
            fix="Give at least one point and α in [0, 1].",
        )
    fairest = {float(relevance): float(fairness) for relevance, fairness in frontier}
    points = np.asarray(sorted(fairest.items(), reverse=True))
    if len(points) == 1:
        return float(points[0, 0]), float(points[0, 1])
    lengths = np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=1)).cumsum()
    place = int(np.abs(lengths - alpha * lengths[-1]).argmin()) + 1
    return float(points[place, 0]), float(points[place, 1])


def distances_to_frontier(
    models: Sequence[tuple[float, float]], frontier: Sequence[tuple[float, float]], alpha: float = 0.5
) -> list[float]:
    """DPFR: the Euclidean distance of each model's (relevance, fairness) from the frontier's reference point.

    Args:
        models: a point per model.
        frontier: see `reference_point`.
        alpha: see `reference_point`.

    Returns:
        One number per model, from 0; lower is better.

    Example:
        >>> distances_to_frontier([(0.5, 0.5)], [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0)])
        [0.0]

    Reference:
        Rampisela et al. (2025), Joint Evaluation of Fairness and Relevance in Recommender Systems with Pareto Frontier,
        arXiv:2502.11921.
    """
    goal = reference_point(frontier, alpha)
    return [math.dist(each, goal) for each in models]
