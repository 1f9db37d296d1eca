"""Advantages: how much better a response is than the others to its prompt. Pure functions of rewards."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["best_advantages", "group_advantages", "length_weighted_advantages", "overlong_penalty"]

Scale = Literal["group", "batch", "none"]


def group_advantages(rewards: Tensor, group: Tensor, *, scale: Scale = "group", epsilon: float = 1e-4) -> Tensor:
    """Rewards relative to those of the same prompt.

    A_i = (r_i − mean_group) / (std + ε),   std unbiased, of the group or the whole batch; without division for "none"

    A reward that is not a number (a response that could not be scored) takes no part in mean and deviation and has
    advantage 0; so has a group of one, and a group of equal rewards.

    Args:
        rewards: [R], any unit; NaN where there is none.
        group: [R] integer, the prompt of each response, from 0.
        scale: what to divide by: the deviation of the ``group``, of the ``batch``, or nothing (Dr. GRPO).
        epsilon: added to the deviation.

    Returns:
        [R], zero on average over each group.

    Example:
        >>> group_advantages(torch.tensor([1.0, 0.0, 1.0, 1.0]), torch.tensor([0, 0, 1, 1]), scale="none")
        tensor([ 0.5000, -0.5000,  0.0000,  0.0000])

    Reference:
        Shao et al. (2024), DeepSeekMath, section 4.1.2; Liu et al. (2025), Understanding R1-Zero-Like Training.
    """
    known = torch.isfinite(rewards)
    values = torch.where(known, rewards, 0.0)
    groups = int(group.max()) + 1 if group.numel() else 0

    def per_group(each: Tensor) -> Tensor:
        return torch.zeros(groups, dtype=rewards.dtype, device=rewards.device).index_add(0, group, each)[group]

    members = per_group(known.to(rewards.dtype))
    centred = torch.where(known, values - per_group(values) / members.clamp(min=1), 0.0)
    # Equal rewards centre to a rounding error, which the division would make into advantages of either sign.
    rounding = 4 * torch.finfo(rewards.dtype).eps * values.abs()
    centred = torch.where(centred.abs() <= rounding, 0.0, centred)
    if scale == "none":
        return centred
    if scale == "batch":
        deviation = rewards[known].std() if int(known.sum()) > 1 else torch.zeros_like(centred)
    else:
        deviation = (per_group(centred.square()) / (members - 1).clamp(min=1)).sqrt()
    divisor = deviation + epsilon
    # Differences so small that their squares vanish are no differences; without ε they would be divided by 0.
    return torch.where(divisor > 0, centred / torch.where(divisor > 0, divisor, 1.0), 0.0)


def best_advantages(rewards: Tensor, group: Tensor, *, scale: Scale = "group", epsilon: float = 1e-6) -> Tensor:
    """What the best response to each prompt adds to the best of the others; that of every other response is 0.

    A_best = (r_best − r_second) / (std + ε),   std unbiased, of the group or the whole batch; 1 for "none"

    The advantage of training for pass@k, at least one good response among several. A reward that is not a number takes
    no part; a group with fewer than two rewards has advantages of 0.

    Args:
        rewards: [R], any unit; NaN where there is none.
        group: [R] integer, the prompt of each response, from 0.
        scale: what to divide by: the deviation of the ``group``, of the ``batch``, or nothing.
        epsilon: added to the deviation.

    Returns:
        [R], at least 0.

    Example:
        >>> best_advantages(torch.tensor([1.0, 0.0, 3.0]), torch.tensor([0, 0, 0]), scale="none")
        tensor([0., 0., 2.])

    Reference:
        Tang, Zheng, Synnaeve, Munos (2025), Optimizing Language Models for Inference Time Objectives using
        Reinforcement Learning, arXiv:2503.19595.
    """
    known = torch.isfinite(rewards)
    gains = torch.zeros_like(rewards)
    for place in range(int(group.max()) + 1 if group.numel() else 0):
        rows = ((group == place) & known).nonzero().flatten()
        if len(rows) < 2:
            continue
        values, order = rewards[rows].topk(2)
        deviation = {"group": rewards[rows], "batch": rewards[known]}.get(scale)
        divisor = 1.0 if deviation is None else deviation.std() + epsilon
        gains[rows[order[0]]] = (values[0] - values[1]) / divisor
    return gains


def length_weighted_advantages(rewards: Tensor, group: Tensor, lengths: Tensor) -> Tensor:
    """Rewards less the baseline of least variance for on-policy sampling: the mean weighted by length.

    A_i = r_i − Σ_j |y_j| r_j / Σ_j |y_j|   over the responses j to the same prompt

    Args:
        rewards: [R], any unit.
        group: [R] integer, the prompt of each response, from 0.
        lengths: [R] tokens of each response.

    Returns:
        [R].

    Example:
        >>> length_weighted_advantages(torch.tensor([1.0, 0.0]), torch.tensor([0, 0]), torch.tensor([3, 1]))
        tensor([ 0.2500, -0.7500])

    Reference:
        Hao et al. (2025), On-Policy RL with Optimal Reward Baseline.
    """
    weight = lengths.to(rewards.dtype)
    zeros = torch.zeros(int(group.max()) + 1 if group.numel() else 0, dtype=rewards.dtype, device=rewards.device)
    total, mass = zeros.index_add(0, group, weight * rewards), zeros.index_add(0, group, weight)
    return rewards - (total / mass.clamp(min=1))[group]


def overlong_penalty(lengths: Tensor, *, limit: int, buffer: int, factor: float = 1.0) -> Tensor:
    """What a response loses for coming near the longest length, so that the limit is no cliff.

    penalty = −factor · clip((|y| − (limit − buffer)) / buffer, 0, 1)

    Args:
        lengths: [R] tokens of each response.
        limit: longest length that generation allows, tokens.
        buffer: the last tokens before the limit, over which the penalty grows.
        factor: the penalty at the limit.

    Returns:
        [R] in [−factor, 0], to be added to the reward.

    Example:
        >>> overlong_penalty(torch.tensor([70, 90, 120]), limit=100, buffer=20).tolist()
        [0.0, -0.5, -1.0]

    Reference:
        Yu et al. (2025), DAPO: An Open-Source LLM Reinforcement Learning System at Scale, eq. 13.
    """
    beyond = (lengths.to(torch.get_default_dtype()) - (limit - buffer)) / buffer
    return 0.0 - factor * beyond.clamp(0, 1)
