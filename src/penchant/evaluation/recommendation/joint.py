"""Measures of fairness and relevance at once, and the distance to their Pareto frontier."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.fairness import patience_weights
from penchant.evaluation.recommendation.lists import checked_lists, checked_relevant, sparse_rows

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

    Raises:
        DataError: see `penchant.evaluation.recommendation.lists.checked_lists`.

    Reference:
        Rampisela et al. (2023), arXiv:2311.01013; Rampisela et al. (2025), arXiv:2502.11921.
    """
    table = checked_lists(lists, items)
    users, k = table.shape
    rows = checked_relevant(relevant, users, items)
    places = np.arange(1, k + 1)
    wanted = sparse_rows(rows, [np.ones(len(row)) for row in rows], items)
    deserved = sparse_rows(rows, [_deserved(len(row)) for row in rows], items)
    gap = sparse_rows(table, [patience_weights(k)] * users, items) - deserved
    attention = sparse_rows(table, [(k - places) / max(k - 1, 1)] * users, items)
    gained = (wanted.T @ sparse_rows(table, [1 / places] * users, items)).tocsr()
    own = gained.diagonal()  # gained[i, j] is what item i would get in the places of item j
    envy = (gained.max(axis=1).toarray().ravel() - own).sum() / (users * items)
    asked = np.asarray(wanted.sum(axis=0)).ravel()
    better = (own / users >= 1.1 * (asked * (1 / places).sum() / (items * users)))[asked > 0]
    return {
        "II-F_ori": float(gap.multiply(gap).sum() / (users * items)),
        "AI-F_ori": float((np.asarray(gap.mean(axis=0)) ** 2).mean()),
        "IBO_ori": float(better.sum() / items) if len(better) else math.nan,
        "IBO_our": float(better.mean()) if len(better) else math.nan,
        "MME_ori": float(envy),
        "IAA_ori": float(abs(attention - wanted).sum() / (users * items)),
    }


def _deserved(number: int) -> np.ndarray:
    """The exposure that each of a user's ``number`` relevant items deserves: an equal part of the first places."""
    return np.full(number, patience_weights(number).sum() / max(number, 1))


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
