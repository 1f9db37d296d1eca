"""Weighted Preference Optimization (WPO): DPO with on-policy weights of pairs."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.on_policy_weights import Alignment, alignment_needs, pair_weight
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["WPO"]


class WPO(Objective):
    """Weighted Preference Optimization (Zhou et al., 2024), eq. 4, with the DPO or cDPO loss.

    loss = w [−(1 − ε) log σ(β m) − ε log σ(−β m)],   m = Δ_chosen − Δ_rejected,   Δ = log π − log π_ref
    w = min(1, exp(A(y_chosen) + A(y_rejected))),   A(y) = (1 / |y|) Σ_t [log π(y_t) − log Σ_v π(v)²]

    w carries no gradient, and weights are not normalised over the batch. For a uniform policy w = 1. With
    ``alignment``, max_v π(v) (greedy) or 1 (none) replaces Σ_v π(v)². A later implementation omits the upper bound 1;
    the official code and this one include it.

    Example:
        >>> import torch
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
    evidence = OFFICIAL_CODE
    tags = ("weighting", "robust")
    exempt = Exempt(
        zero_margin="weights depend on likelihoods, so losses differ at the same margin",
        value_gradient="the weight of a pair carries no gradient",
    )
    needs = Needs(reference=True, stats=frozenset({"sum_p2"}))

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.01
    )
    label_smoothing: Annotated[float, Interval(ge=0, le=0.5), "assumed share ε of flipped labels"] = 0.0
    alignment: Annotated[Alignment, "reference value for a token's probability"] = "sampled"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=True) | alignment_needs(self.alignment)

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], and its ``weight``."""
        weight = pair_weight(chosen, rejected, self.alignment)
        margin = self.beta * logratio_margin(chosen, rejected)
        return weight * logistic(margin, self.label_smoothing), {"weight": weight}
