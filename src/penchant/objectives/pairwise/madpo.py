"""Margin-Adaptive DPO (MADPO): DPO with pair weights from the margins of a reward model."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["MADPO"]


class MADPO(Objective):
    """Margin Adaptive DPO (Rho, 2025), as in its published code.

    loss = w · −log σ(β (Δ_chosen − Δ_rejected)),   w = σ(c m) / σ(m) where m > −τ, else 1,   m = r_chosen − r_rejected

    c = c_min + (c_max − c_min) / (1 + (c_max − 1) / (1 − c_min) · exp(λ (|m| − τ)))

    r is the score of a reward model and constant. c falls from near c_max, through 1 at |m| = τ, to c_min: hard pairs
    (0 < m < τ) get more weight, easy ones (m > τ) less, and so do pairs whose label the reward model weakly contradicts
    (−τ < m < 0). The mean is over the number of pairs, not over the weights. If c_min and c_max are both 1, the formula
    is 0 / 0; c is then 1 and the loss is DPO. Statistic: ``coef``, the c of each pair.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> score = torch.tensor([2.0])
        >>> MADPO(tau=2.0)(chosen=equal, rejected=equal, chosen_score=score, rejected_score=0 * score).values
        tensor([0.6931])

    Reference:
        Rho (2025), Margin Adaptive DPO: Leveraging Reward Model for Granular Control in Preference Optimization.
    """

    id = "madpo"
    paper = "arXiv:2510.05342"
    evidence = OFFICIAL_CODE
    tags = ("scores", "robust", "weighting")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    c_max: Annotated[float, Ge(1), "amplification of reward margins near 0"] = 2.0
    c_min: Annotated[
        float, Interval(ge=0, le=1), "damping of large reward margins; 1 / c_max in the published code"
    ] = 0.5
    lambda_: Annotated[float, Ge(0), "slope of the coefficient around tau; 0 is DPO"] = 1.0
    tau: Annotated[float, Ge(0), "reward margin at which the coefficient is 1"] = 2.0

    def loss(
        self, chosen: Scored, rejected: Scored, chosen_score: Tensor, rejected_score: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its coefficient."""
        reward_margin = (chosen_score - rejected_score).detach()
        coef = self._coefficient(reward_margin.abs())
        # The quotient of sigmoids in log space, since both can underflow.
        weight = torch.where(
            reward_margin > -self.tau, (logsigmoid(coef * reward_margin) - logsigmoid(reward_margin)).exp(), 1.0
        )
        return weight * logistic(self.beta * logratio_margin(chosen, rejected)), {"coef": coef}

    def _coefficient(self, size: Tensor) -> Tensor:
        if self.c_max == 1 and self.c_min == 1:
            return torch.ones_like(size)
        # Multiplied by 1 − c_min, so that c_min = 1 does not divide by 0.
        below, above = 1 - self.c_min, self.c_max - 1
        falling = (self.c_max - self.c_min) * below / (below + above * torch.exp(self.lambda_ * (size - self.tau)))
        return self.c_min + falling
