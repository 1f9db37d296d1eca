"""LD-DPO: DPO with a lower weight on the tokens beyond the length of the shorter response."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin
from penchant.objectives.functional.tails import tail_weighted

__all__ = ["LDDPO"]


class LDDPO(Objective):
    """Length-Desensitized DPO, LD-DPO (Liu et al., 2024): the DPO loss on likelihoods with a weighted tail.

    loss = −log σ(β (Δ_chosen − Δ_rejected)),   Δ = log π'(y|x) − log π'_ref(y|x)
    log π'(y|x) = Σ_{t ≤ m} log π(y_t) + α Σ_{t > m} log π(y_t),   m = min(|y_chosen|, |y_rejected|)   (tokens)

    α = 1 is DPO, α = 0 ignores the tail of the longer response. Published implementations differ in whether the
    reference is weighted too; here it is, unless ``apply_to_reference`` is off. The logged implicit reward is that of
    whole responses. The paper tunes α per model; 0.5 is near the middle of its range.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> LDDPO(ld_alpha=0.5)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Liu et al. (2024), Length Desensitization in Direct Preference Optimization.
    """

    id = "ld-dpo"
    paper = "arXiv:2409.06411"
    evidence = OFFICIAL_CODE
    tags = ("length",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    ld_alpha: Annotated[float, Interval(ge=0, le=1), "weight of the tokens beyond the shorter response's length"] = 0.5
    apply_to_reference: Annotated[bool, "weight the reference's tokens too"] = True

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], and log π' of both responses."""
        chosen, rejected = tail_weighted(chosen, rejected, self.ld_alpha, self.apply_to_reference)
        totals = {"weighted_logp/chosen": chosen.logp, "weighted_logp/rejected": rejected.logp}
        return logistic(self.beta * logratio_margin(chosen, rejected)), totals
