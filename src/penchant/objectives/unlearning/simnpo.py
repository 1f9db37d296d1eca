"""SimNPO: NPO without a reference, on the mean log-probability per token."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["SimNPO"]


class SimNPO(Objective):
    """Simple Negative Preference Optimization (Fan et al., 2024), as in its published code.

    loss = −(2/β) log σ(β (nll(y|x) − γ)),   nll = −(1/|y|) log π(y|x),   nats per token

    The paper writes the margin outside of β; its code multiplies it with β, as here. With a retain term:
    ``0.125*simnpo + retain-nll``.

    Example:
        >>> import torch
        >>> view = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> SimNPO(beta=2.0, gamma=1.0)(forget=view).values
        tensor([0.6931])

    Reference:
        Fan, Liu, Lin, Jia, Zhang, Mei, Liu (2024), Simplicity Prevails: Rethinking Negative Preference Optimization for
        LLM Unlearning.
    """

    id = "simnpo"
    paper = "arXiv:2410.07163"
    evidence = OFFICIAL_CODE
    tags = ("normalized",)

    beta: Annotated[float, Gt(0), "inverse temperature"] = 2.5
    gamma: Annotated[float, "NLL per token at which the loss has half its slope, nats"] = 0.0

    def loss(self, forget: Scored) -> Tensor:
        """The loss per example, [B]."""
        return 2 / self.beta * logistic(self.beta * (-forget.mean_logp - self.gamma))
