"""Weighted Preference Optimization: pairs count by how likely the policy of the moment would produce them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import PairWrapper
from penchant.objectives.functional.numerics import masked_mean
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["WPO", "WPOWeighted", "alignment_needs", "pair_weight"]

Alignment = Literal["sampled", "none", "greedy"]
#: What a token's probability is compared with, as a statistic of the whole distribution.
_COMPARED = {"sampled": "sum_p2", "greedy": "max_p"}


def alignment_needs(alignment: str) -> Needs:
    """The statistic per token that an alignment compares with.

    Args:
        alignment: ``sampled``, ``greedy`` or ``none``.

    Example:
        >>> alignment_needs("sampled").stats
        frozenset({'sum_p2'})
    """
    return Needs(stats=frozenset({_COMPARED[alignment]} if alignment in _COMPARED else ()))


def pair_weight(chosen: Scored, rejected: Scored, alignment: str) -> Tensor:
    """How near a pair is to what the policy itself would produce.

    w = min(1, exp(A(y_chosen) + A(y_rejected))),   A(y) = (1 / |y|) Σ_t [log π(y_t) − log c_t]

    c_t is what a token's probability is compared with: Σ_v π(v)² (``sampled``: a token drawn from the policy),
    max_v π(v) (``greedy``: the likeliest token), or 1 (``none``).

    Args:
        chosen: the preferred responses, with the statistic of the alignment.
        rejected: the others.
        alignment: ``sampled``, ``greedy`` or ``none``.

    Returns:
        [B] in (0, 1] up to underflow, without gradient.

    Example:
        >>> half = torch.full((1, 2), 0.5)
        >>> uniform = Scored(half.log(), None, half > 0, stats={"sum_p2": half})
        >>> pair_weight(uniform, uniform, "sampled"), pair_weight(uniform, uniform, "none")
        (tensor([1.]), tensor([0.2500]))

    Reference:
        Zhou et al. (2024), WPO: Enhancing RLHF with Weighted Preference Optimization.
    """

    def aligned(view: Scored) -> Tensor:
        tokens = view.policy.detach()
        if alignment in _COMPARED:
            compared = view.stat(_COMPARED[alignment]).detach()
            tokens = tokens - compared.clamp(min=torch.finfo(compared.dtype).tiny).log()
        return masked_mean(tokens, view.mask)

    return (aligned(chosen) + aligned(rejected)).clamp(max=0).exp()


class WPO(Objective):
    """Weighted Preference Optimization (Zhou et al., 2024), eq. 4, with the DPO or cDPO loss.

    loss = w [−(1 − ε) log σ(β m) − ε log σ(−β m)],   m = Δ_chosen − Δ_rejected,   Δ = log π − log π_ref
    w = min(1, exp(A(y_chosen) + A(y_rejected))),   A(y) = (1 / |y|) Σ_t [log π(y_t) − log Σ_v π(v)²]

    w carries no gradient, and weights are not normalised over the batch. On a uniform policy w = 1. ``alignment`` puts
    max_v π(v) (greedy) or 1 (none) in the place of Σ_v π(v)². A later program leaves the bound 1 out; the official one
    has it, and so has this.

    Example:
        >>> half = torch.full((1, 2), 0.5)
        >>> uniform = Scored(half.log(), half.log(), half > 0, stats={"sum_p2": half})
        >>> WPO()(chosen=uniform, rejected=uniform).values
        tensor([0.6931])

    Reference:
        Zhou, Agrawal, Zhang, Indurthi, Zhao, Song, Xu, Zhu (2024), WPO: Enhancing RLHF with Weighted Preference
        Optimization.
    """

    id = "wpo"
    paper = "arXiv:2406.11827"
    needs = Needs(reference=True, stats=frozenset({"sum_p2"}))

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.01
    )
    label_smoothing: Annotated[float, Interval(ge=0, le=0.5), "share ε of the labels that are taken to be flipped"] = (
        0.0
    )
    alignment: Annotated[Alignment, "what a token's probability is compared with"] = "sampled"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=True) | alignment_needs(self.alignment)

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each pair, [B], and its ``weight``."""
        weight = pair_weight(chosen, rejected, self.alignment)
        margin = self.beta * logratio_margin(chosen, rejected)
        return weight * logistic(margin, self.label_smoothing), {"weight": weight}


class WPOWeighted(PairWrapper):
    """WPO's weights (Zhou et al., 2024) around any loss of pairs.

    loss = w loss,   w = min(1, exp(A(y_chosen) + A(y_rejected))),   A(y) = (1 / |y|) Σ_t [log π(y_t) − log Σ_v π(v)²]

    w carries no gradient. ``alignment`` puts max_v π(v) (greedy) or 1 (none) in the place of Σ_v π(v)².
    ``wpo-weighted(dpo)`` is WPO.

    Args:
        objective: one of pairs.
        hyper: ``alignment``.

    Raises:
        ConfigurationError: the objective inside is none of pairs.

    Example:
        >>> from penchant.objectives import DPO
        >>> quarter = torch.full((1, 2), 0.25)
        >>> view = Scored(quarter.log(), quarter.log(), quarter > 0, stats={"sum_p2": 4 * quarter})
        >>> WPOWeighted(DPO())(chosen=view, rejected=view).statistics["weight"]
        tensor([0.0625])

    Reference:
        Zhou et al. (2024), WPO: Enhancing RLHF with Weighted Preference Optimization.
    """

    id = "wpo-weighted"
    paper = "arXiv:2406.11827"
    needs = Needs(stats=frozenset({"sum_p2"}))

    alignment: Annotated[Alignment, "what a token's probability is compared with"] = "sampled"

    def __init__(self, objective: Objective, **hyper: Any) -> None:
        super().__init__(objective, **hyper)
        self.needs = objective.requirements.needs | alignment_needs(self.alignment)

    def loss(self, chosen: Scored, rejected: Scored, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The weighted losses, [B], and the ``weight`` of each pair."""
        weight = pair_weight(chosen, rejected, self.alignment)
        result = self.objective.compute({"chosen": chosen, "rejected": rejected, **inputs})
        return weight * result.values, {**result.statistics, "weight": weight}
