"""Sums, means, softmax and rankings over the responses of each prompt."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.objectives.functional.pairs import logistic

__all__ = [
    "first_of_group",
    "group_bradley_terry",
    "group_log_softmax",
    "group_max",
    "group_mean",
    "group_plackett_luce",
    "group_size",
    "group_sum",
    "same_group",
]


def _groups(group: Tensor) -> int:
    return int(group.max()) + 1 if group.numel() else 0


def group_sum(values: Tensor, group: Tensor) -> Tensor:
    """The sum over each group.

    sum_b = Σ_{i in b} values_i

    Args:
        values: [R].
        group: [R] integer, the group of each value, from 0.

    Returns:
        [B].

    Example:
        >>> group_sum(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 1, 0]))
        tensor([5., 2.])
    """
    return values.new_zeros(_groups(group)).index_add(0, group, values)


def group_mean(values: Tensor, group: Tensor) -> Tensor:
    """The mean over each group.

    mean_b = (1 / |b|) Σ_{i in b} values_i

    Args:
        values: [R].
        group: [R] integer, the group of each value, from 0.

    Returns:
        [B].

    Example:
        >>> group_mean(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 1, 0]))
        tensor([2.5000, 2.0000])
    """
    return group_sum(values, group) / group_sum(torch.ones_like(values), group).clamp(min=1)


def group_max(values: Tensor, group: Tensor) -> Tensor:
    """The largest value of each group, without gradient.

    max_b = max_{i in b} values_i

    Args:
        values: [R].
        group: [R] integer, the group of each value, from 0.

    Returns:
        [B].

    Example:
        >>> group_max(torch.tensor([1.0, -2.0, 4.0]), torch.tensor([0, 1, 0]))
        tensor([ 4., -2.])
    """
    lowest = torch.finfo(values.dtype).min
    return values.new_full((_groups(group),), lowest).scatter_reduce(0, group, values.detach(), "amax")


def group_log_softmax(values: Tensor, group: Tensor) -> Tensor:
    """Log-softmax over each group.

    log p_i = values_i − log Σ_{j in b(i)} exp values_j

    Args:
        values: [R], finite.
        group: [R] integer, the group of each value, from 0.

    Returns:
        [R], at most 0; its exponential sums to 1 over each group.

    Example:
        >>> group_log_softmax(torch.tensor([0.0, 7.0, 0.0]), torch.tensor([0, 1, 0])).exp()
        tensor([0.5000, 1.0000, 0.5000])
    """
    # Subtracting the maximum of the group prevents overflow; the shift carries no gradient.
    shifted = values - group_max(values, group)[group]
    return shifted - group_sum(shifted.exp(), group).log()[group]


def first_of_group(group: Tensor) -> Tensor:
    """Whether each response is the first of its group in the order of the data.

    Args:
        group: [R] integer, the group of each response.

    Returns:
        [R] bool.

    Example:
        >>> first_of_group(torch.tensor([0, 1, 0, 1]))
        tensor([ True,  True, False, False])
    """
    return ~same_group(group).tril(-1).any(dim=1)


def group_plackett_luce(values: Tensor, scores: Tensor, group: Tensor) -> Tensor:
    """Plackett-Luce negative log-likelihood of each group's ranking by score, best first.

    loss_b = −Σ_k [v_(k) − log Σ_{j ≥ k} exp v_(j)],   (k) the response with the k-th highest score

    Args:
        values: [R] logits, finite.
        scores: [R], higher is better; equal scores rank in the order of the data.
        group: [R] integer, the group of each response, from 0.

    Returns:
        [B], at least 0; log K! if all K values are equal.

    Example:
        >>> group_plackett_luce(torch.zeros(3), torch.tensor([1.0, 3.0, 2.0]), torch.tensor([0, 0, 0])).exp()
        tensor([6.])

    Reference:
        Plackett (1975), The Analysis of Permutations; Luce (1959), Individual Choice Behavior.
    """
    place = torch.empty_like(group)
    place[scores.argsort(descending=True, stable=True)] = torch.arange(len(group), device=group.device)
    left = same_group(group) & (place >= place.unsqueeze(1))
    picked_from = values.expand_as(left).masked_fill(~left, float("-inf")).logsumexp(dim=1)
    return group_sum(picked_from - values, group)


def group_bradley_terry(values: Tensor, scores: Tensor, group: Tensor) -> Tensor:
    """Bradley-Terry loss over all pairs of a group, with soft labels from score differences.

    loss_b = mean over pairs i, j of −P_ij log σ(v_i − v_j) − P_ji log σ(v_j − v_i),   P_ij = σ(s_i − s_j)

    Args:
        values: [R], logits.
        scores: [R], logits.
        group: [R] integer, the group of each response, from 0.

    Returns:
        [B]; log 2 if all values are equal, 0 for a group of one.

    Example:
        >>> group_bradley_terry(torch.zeros(3), torch.tensor([1.0, 3.0, 2.0]), torch.tensor([0, 0, 0]))
        tensor([0.6931])

    Reference:
        Bradley and Terry (1952), Rank Analysis of Incomplete Block Designs.
    """
    others = same_group(group).fill_diagonal_(False)
    flipped = torch.sigmoid(scores - scores.unsqueeze(1))
    losses = torch.where(others, logistic(values.unsqueeze(1) - values, flipped), 0.0)
    return group_sum(losses.sum(dim=1), group) / group_sum(others.sum(dim=1), group).clamp(min=1)


def same_group(group: Tensor) -> Tensor:
    """[R, R] whether two responses belong to the same group.

    Example:
        >>> same_group(torch.tensor([0, 1]))
        tensor([[ True, False],
                [False,  True]])
    """
    return group.unsqueeze(1) == group


def group_size(group: Tensor) -> Tensor:
    """[B] number of responses of each group, as a float.

    Example:
        >>> group_size(torch.tensor([0, 0, 1]))
        tensor([2., 1.])
    """
    return group_sum(torch.ones_like(group, dtype=torch.get_default_dtype()), group)
