"""DPO with learned sparse token masks: a head on hidden states selects the tokens that count."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.numerics import masked_mean, masked_sum
from penchant.objectives.functional.pairs import logistic

__all__ = ["SparseTokenMask"]


class SparseTokenMask(Objective):
    """DPO with learned sparse token masks (Yuan, Zeng, Wu, Wang, Wang, Leqi, 2024), against gradient entanglement.

    loss = −log σ(β (h_chosen − h_rejected)) + λ (Σ_t m_t + Σ_t m'_t),   h = Σ_t m_t (log π_t − log π_ref,t)

    m_t = σ(w · s_t + b) in (0, 1), s_t the hidden state that predicts token t; m' are the masks of the rejected
    response. Gradients flow to the head and, through masks and log-ratios, to the model. Every mask starts at
    ``initial_mask``. Masks of 1 with λ = 0 give DPO. λ needs tuning.

    Example:
        >>> one = torch.ones(1, 3, dtype=torch.bool)
        >>> view = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), one, hidden=torch.ones(1, 3, 4))
        >>> objective = SparseTokenMask(lambda_=0.1, initial_mask=0.5)
        >>> objective.bind(4)
        >>> objective(chosen=view, rejected=view).values
        tensor([0.9931], grad_fn=<AddBackward0>)

    Reference:
        Yuan, Zeng, Wu, Wang, Wang, Leqi (2024), A Common Pitfall of Margin-based Language Model Alignment: Gradient
        Entanglement.
    """

    id = "sparse-token-mask"
    paper = "arXiv:2410.13828"
    evidence = reconstruction(
        "The paper proposes it without code or a value of λ; the form of the head and the defaults are our reading."
    )
    exempt = Exempt(zero_margin="longer responses pay for more masks")
    needs = Needs(reference=True, hidden=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    lambda_: Annotated[float, Ge(0), "weight of the sum of the masks; larger values keep fewer tokens"] = 0.001
    initial_mask: Annotated[float, Interval(gt=0, lt=1), "initial value of every mask"] = 0.9

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.head = Head(1, bias=math.log(self.initial_mask) - math.log1p(-self.initial_mask))

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per pair, [B], with the mean mask of each response."""
        (better, kept), (worse, kept_too) = self._masked(chosen), self._masked(rejected)
        size = masked_sum(kept, chosen.mask) + masked_sum(kept_too, rejected.mask)
        values = logistic(self.beta * (better - worse)) + self.lambda_ * size
        means = {"mask/chosen": masked_mean(kept, chosen.mask), "mask/rejected": masked_mean(kept_too, rejected.mask)}
        return values, means

    def rewards(self, view: Scored) -> Tensor | None:
        """The implicit reward β h of each response, [R], without gradient; unmasked if there are no hidden states."""
        if view.hidden is None:
            return super().rewards(view)
        return (self.beta * self._masked(view)[0]).detach()

    def _masked(self, view: Scored) -> tuple[Tensor, Tensor]:
        """The masked log-ratio of each response, [R], and the masks, [R, T]."""
        masks = torch.sigmoid(self.head(view.states)).squeeze(-1)
        return masked_sum(masks * view.token_logratio, view.mask), masks
