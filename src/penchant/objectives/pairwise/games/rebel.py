"""REBEL: regression of log-ratio margins on differences of rewards."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logratio_margin

__all__ = ["REBEL"]


class REBEL(Objective):
    """Regressing Relative Rewards, REBEL (Gao et al., 2024), eq. 9 times η².

    loss = (Δ_chosen − Δ_rejected − η (r_chosen − r_rejected))²,   Δ = log π(y|x) − log π_k(y|x)   (summed, nats)

    The reference π_k is the policy that wrote both responses. The paper divides the margin by η instead of multiplying
    the rewards; the authors' code and this implementation multiply, which is the paper's loss times η². A constant
    added to both rewards changes nothing. Where η times the gap is 1 / (2 β) for every pair it is ``ipo`` with sums.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> scores = {"chosen_score": torch.tensor([1.5]), "rejected_score": torch.tensor([0.5])}
        >>> REBEL(eta=2.0)(chosen=equal, rejected=equal, **scores).values
        tensor([4.])

    Reference:
        Gao, Chang, Zhan, Oertell, Swamy, Brantley, Joachims, Bagnell, Lee, Sun (2024), REBEL: Reinforcement Learning
        via Regressing Relative Rewards.
    """

    id = "rebel"
    paper = "arXiv:2404.16767"
    evidence = OFFICIAL_CODE
    tags = ("online", "scores")
    needs = Needs(reference=True)

    eta: Annotated[float, Gt(0), "nats of margin per unit of reward"] = 1.0

    def loss(self, chosen: Scored, rejected: Scored, chosen_score: Tensor, rejected_score: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        return (logratio_margin(chosen, rejected) - self.eta * (chosen_score - rejected_score)).square()
