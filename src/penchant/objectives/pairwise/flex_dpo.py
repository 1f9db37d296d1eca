"""Flex-DPO and DPO+SFT: the two mitigations of the 3D-properties paper."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin, negative_log_likelihood

__all__ = ["DPOSFT", "FlexDPO"]


class FlexDPO(Objective):
    """Flex-DPO (Yan et al., 2024): DPO with one inverse temperature per side.

    loss = −log σ(β₊ Δ_chosen − β₋ Δ_rejected),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    β₋ < β₊ slows the fall of the rejected likelihood. The paper fixes β₊ = 0.1 and finds β₋ ≈ 0.08 best. The logged
    reward of both sides is β₊ Δ.

    Raises:
        ConfigurationError: ``beta_minus`` is above ``beta_plus``.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> FlexDPO()(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Yan, Miao, Li, Zhang, Xie, Deng, Yan (2024), 3D-Properties: Identifying Challenges in DPO and Charting a Path
        Forward.
    """

    id = "flex-dpo"
    paper = "arXiv:2406.07327"
    evidence = reconstruction("Constant β₋ is our reading of the paper; no published code is known.")
    tags = ("likelihood",)
    needs = Needs(reference=True)

    beta_plus: Annotated[float, Gt(0), "inverse temperature β₊ of the chosen response"] = 0.1
    beta_minus: Annotated[float, Ge(0), "inverse temperature β₋ of the rejected response, at most beta_plus"] = 0.08

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if self.beta_minus > self.beta_plus:
            raise ConfigurationError(
                f"'beta_minus' is {self.beta_minus}, expected at most 'beta_plus', which is {self.beta_plus}.",
                where="objective flex-dpo",
                why="A larger beta_minus speeds up the fall of the rejected likelihood.",
                fix="Lower beta_minus, or raise beta_plus.",
            )

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return logistic(self.beta_plus * chosen.logratio - self.beta_minus * rejected.logratio)

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β₊ Δ of each response, [R], without gradient."""
        return (self.beta_plus * view.logratio).detach()


class DPOSFT(Objective):
    """DPO+SFT, DPO plus the likelihood of the chosen response (in Yan et al., 2024).

    loss = −log σ(β (Δ_chosen − Δ_rejected)) − λ log π(y_chosen|x),   Δ = log π − log π_ref   (summed, nats)

    ``sft_average=True`` uses the mean log-likelihood per token. Equal to ``rpo-regularized`` with λ = η β.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> DPOSFT(lambda_=0.1)(chosen=equal, rejected=equal).values  # log 2 + 0.1 · 3
        tensor([0.9931])

    Reference:
        Yan, Miao, Li, Zhang, Xie, Deng, Yan (2024), 3D-Properties: Identifying Challenges in DPO and Charting a Path
        Forward.
    """

    id = "dpo-sft"
    paper = "arXiv:2406.07327"
    evidence = reconstruction("The λ of the paper is not known; the default is our choice.")
    tags = ("likelihood",)
    exempt = Exempt(zero_margin="its likelihood term is a sum over tokens, so longer responses cost more")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    lambda_: Annotated[float, Ge(0), "weight λ of the likelihood of the chosen response"] = 0.1
    sft_average: Annotated[bool, "use the mean log-likelihood per token instead of the sum"] = False

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        likelihood = self.lambda_ * negative_log_likelihood(chosen, average=self.sft_average)
        return logistic(self.beta * logratio_margin(chosen, rejected)) + likelihood
