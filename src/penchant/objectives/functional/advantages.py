"""Advantages of responses relative to the other responses to the same prompt, and the overlong penalty."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

__all__ = ["best_advantages", "group_advantages", "length_weighted_advantages", "overlong_penalty"]

Scale = Literal["group", "batch", "none"]


def group_advantages(rewards: Tensor, group: Tensor, *, scale: Scale = "group", epsilon: float = 1e-4) -> Tensor:
    """Group-relative advantages (GRPO): rewards standardised over the responses to the same prompt.

    A_i = (r_i − mean_group) / (std + ε),   std: unbiased, of the group or the batch; no division for "none"

    A NaN reward (a response that could not be scored) is left out of mean and deviation and gets advantage 0. So does a
    group of one, and a group of equal rewards.

    Args:
        rewards: [R], any unit; NaN if missing.
        group: [R] integer, the prompt of each response, from 0.
        scale: the divisor: the deviation of the ``group`` or the ``batch``, or ``none`` (Dr. GRPO).
        epsilon: added to the deviation.

    Returns:
        [R]; the mean over each group is 0.

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
    # Centring equal rewards leaves rounding errors, which the division would amplify to advantages of random sign.
    rounding = 4 * torch.finfo(rewards.dtype).eps * values.abs()
    centred = torch.where(centred.abs() <= rounding, 0.0, centred)
    if scale == "none":
        return centred
    if scale == "batch":
        deviation = rewards[known].std() if int(known.sum()) > 1 else torch.zeros_like(centred)
    else:
        deviation = (per_group(centred.square()) / (members - 1).clamp(min=1)).sqrt()
    divisor = deviation + epsilon
    # Differences whose squares underflow count as 0; without ε they would be divided by 0.
    return torch.where(divisor > 0, centred / torch.where(divisor > 0, divisor, 1.0), 0.0)


def best_advantages(rewards: Tensor, group: Tensor, *, scale: Scale = "group", epsilon: float = 1e-6) -> Tensor:
    """Best-of-k advantages: the best response gets its lead over the second best, all others get 0.

    A_best = (r_best − r_second) / (std + ε),   std: unbiased, of the group or the batch; 1 for "none"

    The advantage for optimising pass@k, the chance of at least one good response among k. NaN rewards are left out; a
    group with fewer than two rewards has advantage 0.

    Args:
        rewards: [R], any unit; NaN if missing.
        group: [R] integer, the prompt of each response, from 0.
        scale: the divisor: the deviation of the ``group`` or the ``batch``, or ``none``.
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
    """Rewards minus the variance-minimising baseline of on-policy sampling: the length-weighted mean reward.

    A_i = r_i − Σ_j |y_j| r_j / Σ_j |y_j|   over the responses j to the same prompt

    A NaN reward is left out and gets advantage 0.

    Args:
        rewards: [R], any unit; NaN if missing.
        group: [R] integer, the prompt of each response, from 0.
        lengths: [R] number of tokens of each response.

    Returns:
        [R].

    Example:
        >>> length_weighted_advantages(torch.tensor([1.0, 0.0]), torch.tensor([0, 0]), torch.tensor([3, 1]))
        tensor([ 0.2500, -0.7500])

    Reference:
        Hao et al. (2025), On-Policy RL with Optimal Reward Baseline.
    """
    known = torch.isfinite(rewards)
    values, weight = torch.where(known, rewards, 0.0), torch.where(known, lengths.to(rewards.dtype), 0.0)
    zeros = torch.zeros(int(group.max()) + 1 if group.numel() else 0, dtype=rewards.dtype, device=rewards.device)
    total, mass = zeros.index_add(0, group, weight * values), zeros.index_add(0, group, weight)
    return torch.where(known, values - (total / mass.clamp(min=1))[group], 0.0)


def overlong_penalty(lengths: Tensor, *, limit: int, buffer: int, factor: float = 1.0) -> Tensor:
    """Soft penalty for overlong responses: it grows linearly over the last tokens before the length limit.

    penalty = −factor · clip((|y| − (limit − buffer)) / buffer, 0, 1)

    Args:
        lengths: [R] number of tokens of each response.
        limit: maximum response length of generation, tokens.
        buffer: number of tokens before the limit over which the penalty grows.
        factor: size of the penalty at the limit.

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
