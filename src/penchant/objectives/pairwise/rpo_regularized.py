"""Regularized Preference Optimization (RPO): DPO plus the likelihood of the chosen response."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin, negative_log_likelihood

__all__ = ["RegularizedPO"]


class RegularizedPO(Objective):
    """Regularized Preference Optimization (Liu et al., 2024), the cumulative form of the main paper and its code.

    loss = −log σ(β (Δ_chosen − Δ_rejected)) − η β log π(y_chosen|x),   Δ = log π − log π_ref   (summed, nats)

    ``sft_average=True`` is the form of appendix F, −(η / |y|) log π(y_chosen|x) without β, with η = 0.2 and β = 0.5 in
    the paper; every pair then counts the same, whatever its length. (With another model the paper uses β = 0.05.)

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> RegularizedPO(beta=0.5, eta=0.2)(chosen=equal, rejected=equal).values  # log 2 + 0.2 · 0.5 · 3
        tensor([0.9931])

    Reference:
        Liu, Lu, Zhang, Liu, Guo, Yang, Blanchet, Wang (2024), Provably Mitigating Overoptimization in RLHF: Your SFT
        Loss is Implicitly an Adversarial Regularizer.
    """

    id = "rpo-regularized"
    paper = "arXiv:2405.16436"
    evidence = OFFICIAL_CODE
    tags = ("likelihood", "robust")
    exempt = Exempt(zero_margin="its likelihood term is a sum over tokens, so longer responses cost more")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.01
    eta: Annotated[float, Ge(0), "weight η of the likelihood of the chosen response"] = 0.005
    sft_average: Annotated[bool, "use the mean log-likelihood per token, without beta (appendix F)"] = False

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        weight = self.eta if self.sft_average else self.eta * self.beta
        regularizer = weight * negative_log_likelihood(chosen, average=self.sft_average)
        return logistic(self.beta * logratio_margin(chosen, rejected)) + regularizer
