"""Intuitive fine-tuning (IFT): supervised fine-tuning on the model's own predictions, weighted by what follows."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.mixing import Mixing, Predicted
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.influence import Influence, InfluenceNorm, Side, influence_weights
from penchant.objectives.functional.numerics import masked_sum

__all__ = ["IFT"]


class IFT(Objective):
    """Intuitive fine-tuning: demonstrations, read with a temporal residual.

    loss = (1 / |y|) Σ_t v_t a_t,   a_t = −log π(y_t | x, ê_<t),   ê_t = (1 − λ) e(y_t) + λ e(ŷ_t)

    ŷ_t is a token that the policy itself predicts after y_<t (`predicted`): a first pass finds it, and the second pass
    reads its embedding beside that of the token that stands there. The weight v_t of a token grows with the discounted
    loss that follows it (`penchant.objectives.functional.influence.influence_weights`). λ = 0 and discount = 0 give
    NLL. λ may rise in a warm-up and be disturbed at each step; measurements have the plain λ.

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
    needs = Needs(likelihood=False, residual=Mixing(0.2))

    residual: Annotated[
        float, Interval(ge=0, le=1), "share λ of the model's own predictions in the input; 0 needs no second pass"
    ] = 0.2
    discount: Annotated[float, Interval(ge=0, le=1), "decay g of a token's influence per token; 0 weighs all alike"] = (
        0.95
    )
    influence: Annotated[Influence, "what a token passes on: its share of the loss, its loss, or 1"] = "loss"
    norm: Annotated[InfluenceNorm, "how sums of influence become weights"] = "L1"
    side: Annotated[Side, "left: what follows a token counts; right: the inverse of what stands before it"] = "left"
    predicted: Annotated[Predicted, "ŷ: the likeliest token, the one of a rank, or a sampled one"] = "greedy"
    rank: Annotated[int, Ge(1), "of predicted=ranked; 1 is the likeliest"] = 2
    temperature: Annotated[float, Gt(0), "of predicted=sampled"] = 0.7
    residual_start: Annotated[float, Interval(ge=0, le=1), "λ at step 0, with a warm-up"] = 0.0
    residual_warmup: Annotated[int, Ge(0), "steps in which λ goes from residual_start to residual"] = 0
    residual_noise: Annotated[float, Ge(0), "standard deviation of λ's relative error at each step"] = 0.0
    seed: Annotated[int, Ge(0), "of samples and noise"] = 0
    detach_weights: Annotated[bool, "treat the weights as constants; the published code does not"] = False

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        mixing = Mixing(
            self.residual,
            predicted=self.predicted,
            rank=self.rank,
            temperature=self.temperature,
            start=self.residual_start,
            warmup=self.residual_warmup,
            noise=self.residual_noise,
            seed=self.seed,
        )
        self.needs = Needs(likelihood=False, residual=mixing)

    def loss(self, chosen: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per response, [B], with the mean loss of its tokens before weighting."""
        losses = -chosen.stat("residual_logp")
        weights = influence_weights(losses, chosen.mask, self.discount, self.influence, self.norm, self.side)
        if self.detach_weights:
            weights = weights.detach()
        own = losses if chosen.weights is None else losses * chosen.weights
        mean = masked_sum(own, chosen.mask) / chosen.total_weight
        return masked_sum(weights * own, chosen.mask) / chosen.total_weight, {"residual_nll": mean}
