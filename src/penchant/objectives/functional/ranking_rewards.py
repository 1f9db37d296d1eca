"""Rewards of generated items: hits of the target, and places of the misses in the beam."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["hit_rewards", "ranking_rewards"]


def hit_rewards(items: Sequence[str], target: str) -> list[float]:
    """1 for the target, 0 for every other item.

    Example:
        >>> hit_rewards(["tea", "milk"], "milk")
        [0.0, 1.0]
    """
    return [1.0 if item == target else 0.0 for item in items]


def ranking_rewards(items: Sequence[str], target: str) -> list[float]:
    """Negative rewards of the wrong items of a group that holds the target, larger for earlier places.

    r_i = −w_i / Σ_j w_j,   w_i = 1 / log₂(i + 2),   0 for the target; all 0 if the group does not hold it

    Args:
        items: the generated items, best first.
        target: the item that the user took next.

    Returns:
        One number per item.

    Example:
        >>> [round(each, 3) for each in ranking_rewards(["tea", "milk"], "milk")]
        [-0.613, 0.0]

    Reference:
        Tan et al. (2025), Reinforced Preference Optimization for Recommendation, arXiv:2510.12211.
    """
    if target not in items:
        return [0.0] * len(items)
    weights = [1 / math.log2(place + 2) for place in range(len(items))]
    total = sum(weights)
    return [0.0 if item == target else -weight / total for item, weight in zip(items, weights, strict=True)]
