"""IRPO: items of one answer are ranked by their relevance and position."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_mean, group_size, same_group
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["IRPO", "item_weights"]


def item_weights(relevance: Tensor, positions: Tensor, weighting: str) -> Tensor:
    """The weight of each item, [R].

    ndcg: (2^y − 1) / log₂(1 + p),   position: 1 / log₂(1 + p),   gain-over-rank: (2^y − 1) / p,   p the position

    Example:
        >>> item_weights(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 2.0]), "ndcg")
        tensor([1., 0.])
    """
    gain = relevance.exp2() - 1
    if weighting == "gain-over-rank":
        return gain / positions
    return (gain if weighting == "ndcg" else 1.0) / (1 + positions).log2()


class IRPO(Objective):
    """In-context Ranking Preference Optimization (Wu et al., 2025), as in its published code.

    loss = −(1/K) Σ_i w_i log σ(−h_i),   h_i = log[(1/(K − 1)) Σ_{j ≠ i} exp(β (a_j − a_i))]

    a is the mean log-ratio per token of an item, and w_i a weight of its relevance y_i ≥ 0 and its position in the
    answer (see `item_weights`). Items of no relevance have no weight but compete. The published code sums the lists of
    a batch instead of averaging them. Another paper of the same short name, Iterative Reasoning Preference
    Optimization, is ``rpo-dpo-nll``.

    Example:
        >>> equal = torch.full((2, 1), -1.0)
        >>> both = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0]))
        >>> IRPO()(responses=both, relevance=torch.tensor([1.0, 0.0]), positions=torch.tensor([1.0, 2.0])).values
        tensor([0.3466])

    Reference:
        Wu, Surana, Xie, Liu, Xia, Yu, Rossi, Ammanabrolu, McAuley (2025), In-context Ranking Preference Optimization.
    """

    id = "irpo"
    paper = "arXiv:2504.15477"
    evidence = OFFICIAL_CODE
    tags = ("normalized", "scores")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 1.0
    weighting: Annotated[Literal["ndcg", "position", "gain-over-rank"], "how relevance and position weight an item"] = (
        "ndcg"
    )

    def loss(self, responses: Scored, relevance: Tensor, positions: Tensor) -> Tensor:
        """The loss per list, [B]; 0 for a list of one item."""
        group, a = responses.group, self.beta * responses.mean_logratio
        others = same_group(group) & ~torch.eye(len(group), dtype=torch.bool, device=group.device)
        gap = torch.where(others, a.unsqueeze(0) - a.unsqueeze(1), float("-inf"))
        alone = ~others.any(-1)
        safe = torch.where(alone.unsqueeze(-1), 0.0, gap)  # logsumexp of nothing has no gradient
        h = safe.logsumexp(-1) - (group_size(group)[group] - 1).to(a.dtype).clamp(min=1).log()
        weights = item_weights(relevance, positions, self.weighting).to(a.dtype)
        return -group_mean(torch.where(alone, 0.0, weights * logsigmoid(-h)), group)

    def rewards(self, view: Scored) -> Tensor | None:
        """β times the mean log-ratio per token, [R]."""
        return None if view.reference is None else (self.beta * view.mean_logratio).detach()
