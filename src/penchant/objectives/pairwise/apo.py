"""Anchored Preference Optimization (APO): variants that fix whether the chosen likelihood rises or falls."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor, sigmoid

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logratio_margin

__all__ = ["APODown", "APOZero"]

_BETA = "scale of the log-ratios; larger values saturate sooner"


class APOZero(Objective):
    """APO-zero (D'Oosterlinck et al., 2024), for chosen responses that are better than those of the model.

    loss = σ(−β Δ_chosen) + σ(β Δ_rejected),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    The chosen likelihood rises and the rejected one falls, independently: the gradient of one side does not depend on
    the other.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> APOZero()(chosen=equal, rejected=equal).values
        tensor([1.])

    Reference:
        D'Oosterlinck, Xu, Develder, Demeester, Singh, Potts, Kiela, Mehri (2024), Anchored Preference Optimization and
        Contrastive Revisions: Addressing Underspecification in Alignment.
    """

    id = "apo-zero"
    paper = "arXiv:2408.06266"
    evidence = OFFICIAL_CODE
    tags = ("likelihood",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), _BETA] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return sigmoid(-self.beta * chosen.logratio) + sigmoid(self.beta * rejected.logratio)


class APODown(Objective):
    """APO-down (D'Oosterlinck et al., 2024), for chosen responses that are worse than those of the model.

    loss = σ(β Δ_chosen) + σ(−β (Δ_chosen − Δ_rejected)),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    Both likelihoods fall, the rejected one further. If policy and reference are equal, the gradient of the chosen one
    is zero.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> APODown()(chosen=equal, rejected=equal).values
        tensor([1.])

    Reference:
        D'Oosterlinck, Xu, Develder, Demeester, Singh, Potts, Kiela, Mehri (2024), Anchored Preference Optimization and
        Contrastive Revisions: Addressing Underspecification in Alignment.
    """

    id = "apo-down"
    paper = "arXiv:2408.06266"
    evidence = OFFICIAL_CODE
    exempt = Exempt(zero_margin="the gradient of the chosen response is zero there")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), _BETA] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return sigmoid(self.beta * chosen.logratio) + sigmoid(-self.beta * logratio_margin(chosen, rejected))
