"""Losses over ranked lists: Plackett-Luce with ties, the best against the rest, weighted pairs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from penchant.objectives.functional.groups import first_of_group, group_max, group_sum, same_group
from penchant.objectives.functional.numerics import logsigmoid

__all__ = [
    "Picked",
    "best_and_rest",
    "better_pairs",
    "pairwise_logistic",
    "partial_plackett_luce",
    "place_by",
    "rest_mean",
]


def partial_plackett_luce(values: Tensor, ranks: Tensor, group: Tensor, top: int | None = None) -> Tensor:
    """Plackett-Luce negative log-likelihood of a ranking with ties and gaps, for each list.

    loss_b = −Σ_i [v_i − log(exp v_i + Σ_{j ranked worse} exp v_j)],   i ranked among the best m, or any

    Responses of equal rank are not compared with each other. Without ties it is the likelihood of the ranking; with one
    best response and all others tied it is the softmax loss of the best.

    Args:
        values: [R] logits.
        ranks: [R], 1 is best.
        group: [R] integer, the list of each response, from 0.
        top: only the terms of responses with at most this rank.

    Returns:
        [B], at least 0; 0 where all ranks are equal.

    Example:
        >>> partial_plackett_luce(torch.zeros(3), torch.tensor([1, 2, 2]), torch.zeros(3, dtype=torch.long)).exp()
        tensor([3.])

    Reference:
        Plackett (1975), The Analysis of Permutations; Luce (1959), Individual Choice Behavior.
    """
    worse = same_group(group) & (ranks.unsqueeze(0) > ranks.unsqueeze(1))
    against = worse | torch.eye(len(group), dtype=torch.bool, device=group.device)
    picked_from = values.expand_as(against).masked_fill(~against, float("-inf")).logsumexp(dim=1)
    terms = picked_from - values
    return group_sum(terms if top is None else torch.where(ranks <= top, terms, 0.0), group)


class Picked(NamedTuple):
    """The best response of each list and those ranked worse.

    Attributes:
        best: [B] index of the best response; the first in the order of the data where several are best.
        rest: [R] bool, whether the response is ranked worse than the best of its list.
        number: [B] number of the rest.
    """

    best: Tensor
    rest: Tensor
    number: Tensor


def best_and_rest(ranks: Tensor, group: Tensor) -> Picked:
    """Split each list into one best response and the ones that are ranked worse.

    Further responses of the best rank are left out.

    Args:
        ranks: [R], 1 is best.
        group: [R] integer, the list of each response, from 0.

    Example:
        >>> best_and_rest(torch.tensor([2.0, 1.0, 3.0]), torch.tensor([0, 0, 0])).rest
        tensor([ True, False,  True])
    """
    lowest = -group_max(-ranks.double(), group)
    top = ranks == lowest[group]
    order = torch.where(top, group, group + int(group.max() if len(group) else 0) + 1)
    best = (top & first_of_group(order)).nonzero().flatten()
    best = best[group[best].argsort()]
    return Picked(best, ~top, group_sum((~top).to(torch.get_default_dtype()), group))


def rest_mean(values: Tensor, picked: Picked, group: Tensor) -> Tensor:
    """The mean of the values of the rest of each list, [B]; 0 without a rest.

    Example:
        >>> group = torch.tensor([0, 0, 0])
        >>> rest_mean(torch.tensor([5.0, 1.0, 3.0]), best_and_rest(torch.tensor([1, 2, 2]), group), group)
        tensor([2.])
    """
    total = group_sum(torch.where(picked.rest, values, 0.0), group)
    return total / picked.number.to(total.dtype).clamp(min=1)


def better_pairs(quality: Tensor, group: Tensor) -> Tensor:
    """[R, R] whether response i is better than response j of the same list.

    Args:
        quality: [R], higher is better.
        group: [R] integer, the list of each response.

    Example:
        >>> better_pairs(torch.tensor([1.0, 0.0]), torch.tensor([0, 0]))
        tensor([[False,  True],
                [False, False]])
    """
    return same_group(group) & (quality.unsqueeze(1) > quality.unsqueeze(0))


def place_by(values: Tensor, group: Tensor) -> Tensor:
    """The place of each response in its list by value, 1 for the highest; equal values in the order of the data.

    Args:
        values: [R].
        group: [R] integer, the list of each response.

    Returns:
        [R] integer.

    Example:
        >>> place_by(torch.tensor([0.1, 0.9, 0.5]), torch.tensor([0, 0, 0]))
        tensor([3, 1, 2])
    """
    order = torch.empty_like(group)
    order[values.argsort(descending=True, stable=True)] = torch.arange(len(group), device=group.device)
    return (same_group(group) & (order.unsqueeze(0) < order.unsqueeze(1))).sum(-1) + 1


def pairwise_logistic(values: Tensor, pairs: Tensor, weights: Tensor | None = None) -> Tensor:
    """[R] for each response i, Σ_j w_ij log(1 + exp(v_j − v_i)) over its pairs (i, j).

    Example:
        >>> pairs = better_pairs(torch.tensor([1.0, 0.0]), torch.tensor([0, 0]))
        >>> pairwise_logistic(torch.zeros(2), pairs)
        tensor([0.6931, 0.0000])
    """
    terms = -logsigmoid(values.unsqueeze(1) - values.unsqueeze(0))
    return torch.where(pairs, terms if weights is None else terms * weights, 0.0).sum(-1)
