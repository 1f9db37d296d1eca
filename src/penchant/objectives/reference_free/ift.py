"""Intuitive fine-tuning (IFT): supervised fine-tuning on the model's own predictions, weighted by what follows."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.influence import Influence, InfluenceNorm, influence_weights
from penchant.objectives.functional.numerics import masked_sum

__all__ = ["IFT"]


class IFT(Objective):
    """Intuitive fine-tuning: demonstrations, read with a temporal residual.

    loss = (1 / |y|) Σ_t v_t a_t,   a_t = −log π(y_t | x, ê_<t),   ê_t = (1 − λ) e(y_t) + λ e(ŷ_t)

    ŷ_t is the token that the policy itself predicts after y_<t: a first pass finds it, and the second pass reads its
    embedding beside that of the token that stands there. The weight v_t of a token grows with the discounted loss that
    follows it (`penchant.objectives.functional.influence.influence_weights`). λ = 0 and discount = 0 give NLL.

    Embeddings are read from the current table; ŷ_t carries no gradient. The published code reads both from a frozen
    copy of the initial table, which is the same wherever the table is not trained, as with adapters.

    Example:
        >>> import torch
        >>> one = torch.ones(1, 2, dtype=torch.bool)
        >>> view = Scored(torch.zeros(1, 2), None, one, stats={"residual_logp": torch.tensor([[-1.0, -1.0]])})
        >>> IFT(discount=1.0)(chosen=view).values
        tensor([1.])

    Reference:
        Hua, Qi, Zhang, Yu, Ding, Lv, Tian, Zhou (2024), Intuitive Fine-Tuning: Towards Unifying SFT and RLHF into a
        Single Process, arXiv:2405.11870.
    """

    id = "ift"
    paper = "arXiv:2405.11870"
    evidence = OFFICIAL_CODE
    tags = ("supervised", "likelihood")
    needs = Needs(likelihood=False, residual=0.2)

    residual: Annotated[
        float, Interval(ge=0, le=1), "share λ of the model's own predictions in the input; 0 needs no second pass"
    ] = 0.2
    discount: Annotated[float, Interval(ge=0, le=1), "decay g of a token's influence per token; 0 weighs all alike"] = (
        0.95
    )
    influence: Annotated[Influence, "what a token passes on: its share of the loss, its loss, or 1"] = "loss"
    norm: Annotated[InfluenceNorm, "how sums of influence become weights"] = "L1"
    detach_weights: Annotated[bool, "treat the weights as constants; the published code does not"] = False

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(likelihood=False, residual=self.residual)

    def loss(self, chosen: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per response, [B], with the mean loss of its tokens before weighting."""
        losses = -chosen.stat("residual_logp")
        weights = influence_weights(losses, chosen.mask, self.discount, self.influence, self.norm)
        if self.detach_weights:
            weights = weights.detach()
        own = losses if chosen.weights is None else losses * chosen.weights
        mean = masked_sum(own, chosen.mask) / chosen.total_weight
        return masked_sum(weights * own, chosen.mask) / chosen.total_weight, {"residual_nll": mean}
