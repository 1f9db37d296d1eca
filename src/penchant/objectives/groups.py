"""Sums, means and softmax over the responses of each prompt."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["group_log_softmax", "group_mean", "group_sum"]


def _groups(group: Tensor) -> int:
    return int(group.max()) + 1 if group.numel() else 0


def group_sum(values: Tensor, group: Tensor) -> Tensor:
    """The sum over each group's members.

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
    """The mean over each group's members.

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


def group_log_softmax(values: Tensor, group: Tensor) -> Tensor:
    """The logarithm of each value's share of its group.

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
    # Without its largest member a group's exponentials cannot overflow; the shift is no part of the gradient.
    lowest = torch.finfo(values.dtype).min
    largest = values.new_full((_groups(group),), lowest).scatter_reduce(0, group, values.detach(), "amax")
    shifted = values - largest[group]
    return shifted - group_sum(shifted.exp(), group).log()[group]
