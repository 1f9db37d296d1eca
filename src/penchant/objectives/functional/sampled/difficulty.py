"""Difficulty factors of DR-IRL, and advantages or rewards that they scale."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from penchant.objectives.functional.advantages import Scale, group_advantages
from penchant.objectives.functional.sampled.baselines import responsiveness, topic_difficulty

__all__ = ["ScaleTarget", "difficulty_factors", "scaled_advantages"]

#: What the factors multiply.
ScaleTarget = Literal["advantage", "reward"]


def difficulty_factors(
    dissimilarity: Tensor, gaps: Tensor, topic: Tensor, *, low: float = 0.5, high: float = 2.0, deviations: float = 2.0
) -> Tensor:
    """The factor of each response: how hard its data are, times how far the model is from mastering their category.

    α = clip(α_D α_M, low, high),   α_D: `topic_difficulty`, one a response;   α_M: `responsiveness`, one a category

    Args:
        dissimilarity: [R] δ of each response from its demonstration.
        gaps: [R] reward of the demonstration minus that of the response; NaN if it has none, which counts in no mean.
        topic: [R] integer, the category of each response.
        low, high: the range of the factor.
        deviations: outliers among the gaps are farther from their mean than so many standard deviations.

    Returns:
        [R], without gradient.

    Example:
        >>> difficulty_factors(torch.tensor([0.2, 0.8]), torch.tensor([1.0, 1.0]), torch.tensor([0, 0]))
        tensor([0.8833, 1.1085])

    Reference:
        Cheng et al. (2025), Inverse Reinforcement Learning with Dynamic Reward Scaling for LLM Alignment,
        arXiv:2503.18991.
    """
    found = topic_difficulty(dissimilarity, topic)
    for place in topic.unique().tolist():
        rows = topic == place
        known = gaps[rows][torch.isfinite(gaps[rows])]
        found[rows] *= responsiveness(known, deviations=deviations)
    return found.clamp(low, high)


def scaled_advantages(
    rewards: Tensor,
    group: Tensor,
    factors: Tensor,
    *,
    target: ScaleTarget = "advantage",
    scale: Scale = "group",
    epsilon: float = 1e-4,
) -> Tensor:
    """Group-relative advantages with a factor for each response.

    A_i = α_i (r_i − mean) / (std + ε) for ``advantage``;   the advantage of α_i r_i for ``reward``

    A factor that all responses to a prompt share cancels in ``reward`` where advantages are divided by the deviation of
    the group.

    Args:
        rewards: [R], any unit; NaN if missing.
        group: [R] integer, the prompt of each response, from 0.
        factors: [R].
        target: what the factors multiply.
        scale, epsilon: as for `group_advantages`.

    Returns:
        [R]; those of `group_advantages` where all factors are 1.

    Example:
        >>> two = torch.tensor([1.0, 0.0]), torch.tensor([0, 0])
        >>> scaled_advantages(*two, torch.tensor([2.0, 2.0]), scale="none")
        tensor([ 1., -1.])

    Reference:
        As `difficulty_factors`.
    """
    if target == "reward":
        return group_advantages(factors * rewards, group, scale=scale, epsilon=epsilon)
    return factors * group_advantages(rewards, group, scale=scale, epsilon=epsilon)
