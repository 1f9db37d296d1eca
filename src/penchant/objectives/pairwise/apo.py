"""Anchored preference optimization: whether the chosen response should rise is said outright."""

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

_BETA = "scale of the log-ratios; larger saturates sooner"


class APOZero(Objective):
    """Anchored Preference Optimization, zero (D'Oosterlinck et al., 2024): chosen responses better than the model's.

    loss = σ(−β Δ_chosen) + σ(β Δ_rejected),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    Chosen responses rise and rejected ones fall, each on its own: no side's gradient depends on the other's.

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
        """The loss of each pair, [B]."""
        return sigmoid(-self.beta * chosen.logratio) + sigmoid(self.beta * rejected.logratio)


class APODown(Objective):
    """Anchored Preference Optimization, down (D'Oosterlinck et al., 2024): chosen responses worse than the model's.

    loss = σ(β Δ_chosen) + σ(−β (Δ_chosen − Δ_rejected)),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    Both responses fall, the rejected one further. With policy and reference equal, the chosen one's gradient is zero.

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
    exempt = Exempt(zero_margin="the chosen response's gradient is zero there")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), _BETA] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        return sigmoid(self.beta * chosen.logratio) + sigmoid(-self.beta * logratio_margin(chosen, rejected))
