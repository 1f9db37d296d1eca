"""How well values order the responses of a list: nDCG, Kendall's τ and top-1 accuracy, one number a list."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from penchant.evaluation.tally import ROUNDING
from penchant.objectives.functional.groups import group_max, group_sum, same_group

__all__ = ["ListMetrics", "list_metrics"]


class ListMetrics(NamedTuple):
    """Metrics of B lists; lists of equally good responses have no order and do not count.

    Attributes:
        ndcg: [B] in [0, 1], higher is better.
        kendall: [B] in [−1, 1], higher is better.
        top1: [B] in [0, 1], higher is better.
        ordered: [B] bool, whether the list counts.
        size: [B] integer, the number of responses.
    """

    ndcg: Tensor
    kendall: Tensor
    top1: Tensor
    ordered: Tensor
    size: Tensor


def list_metrics(values: Tensor, quality: Tensor, group: Tensor) -> ListMetrics:
    """Metrics of the order that ``values`` give to the responses of each list.

    Values closer than 1e-4 are ties. nDCG: Σ_i (2^g_i − 1) d_i over its largest value, d = 1 / log₂(1 + place), tied
    responses sharing the mean of their discounts, so that a model without a preference gets what a random order gets on
    average. The gains g are the quality, scaled to [0, 1] within the list, so that scores of any range and ranks
    compare. Kendall's τ-b: (agreeing − disagreeing pairs) / √(pairs without ties in values · pairs without ties in
    quality), 0 if all values are tied. Top 1: whether the response of the highest value is one of the best, the share
    of them if several are tied.

    Args:
        values: [R], higher first: rewards or log-probabilities, nats.
        quality: [R], higher is better.
        group: [R] integer, the list of each response, from 0.

    Example:
        >>> found = list_metrics(torch.tensor([0.3, 0.1, 0.2]), torch.tensor([2.0, 0.0, 1.0]), torch.zeros(3).long())
        >>> found.ndcg, found.kendall, found.top1
        (tensor([1.]), tensor([1.]), tensor([1.]))

    Reference:
        Järvelin and Kekäläinen (2002), Cumulated Gain-Based Evaluation of IR Techniques; McSherry and Najork (2008),
        Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied Scores; Kendall (1945),
        The Treatment of Ties in Ranking Problems.
    """
    values, quality = values.detach(), quality.to(values.dtype)
    together = same_group(group)
    lead = values.unsqueeze(1) - values.unsqueeze(0)
    above, tied = together & (lead < -ROUNDING), together & (lead.abs() <= ROUNDING)
    low, high = -group_max(-quality, group), group_max(quality, group)
    ordered, size = high > low, group_sum(torch.ones_like(group), group)
    best = quality == high[group]
    first = ~above.any(-1)
    top1 = group_sum((first & best).to(values.dtype), group) / group_sum(first.to(values.dtype), group).clamp(min=1)
    gain = torch.where(ordered[group], (quality - low[group]) / (high - low).clamp(min=1e-30)[group], 0.0).exp2() - 1
    ndcg = group_sum(gain * _discounts(above, tied), group) / _ideal(gain, together, group).clamp(min=1e-30)
    return ListMetrics(ndcg, _kendall(lead, tied, quality, together, group), top1, ordered, size)


def _discounts(above: Tensor, tied: Tensor) -> Tensor:
    """The mean discount of the places that each response shares with those tied with it, [R]."""
    before, count = above.sum(-1), tied.sum(-1)
    places = torch.arange(1, len(above) + 1, device=above.device, dtype=torch.float64)
    sums = torch.cat([places.new_zeros(1), (1 / (1 + places).log2()).cumsum(0)])
    return ((sums[before + count] - sums[before]) / count).to(torch.get_default_dtype())


def _ideal(gain: Tensor, together: Tensor, group: Tensor) -> Tensor:
    lead = gain.unsqueeze(1) - gain.unsqueeze(0)
    return group_sum(gain * _discounts(together & (lead < 0), together & (lead == 0)), group)


def _kendall(lead: Tensor, tied: Tensor, quality: Tensor, together: Tensor, group: Tensor) -> Tensor:
    true = (quality.unsqueeze(1) - quality.unsqueeze(0)).sign()
    found = torch.where(tied, 0.0, lead.sign())
    agree = group_sum(torch.where(together, true * found, 0.0).sum(-1), group)
    pairs = [group_sum(torch.where(together, each.abs(), 0.0).sum(-1), group) for each in (true, found)]
    return agree / (pairs[0] * pairs[1]).sqrt().clamp(min=1)
