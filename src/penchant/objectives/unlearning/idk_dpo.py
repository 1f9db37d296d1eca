"""IDK-DPO: a refusal is preferred to the answer that is to be forgotten."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["IDKDPO"]


class IDKDPO(Objective):
    """DPO with a refusal as the chosen response, as in the code of NPO (Zhang et al., 2024).

    loss = −(2/β) log σ(β (d_idk − d_forget)),   d = log π(y|x) − log π_ref(y|x),   summed over tokens, nats

    With a retain term: ``idk-dpo + retain-nll`` or ``idk-dpo + retain-kl``. Refusals come with the forget records
    (`penchant data build refusals`).

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> IDKDPO(beta=2.0)(idk=equal, forget=equal).values
        tensor([0.6931])

    Reference:
        Maini, Feng, Schwarzschild, Lipton, Kolter (2024), TOFU: A Task of Fictitious Unlearning for LLMs; Zhang, Lin,
        Bai, Mei (2024), Negative Preference Optimization.
    """

    id = "idk-dpo"
    paper = "arXiv:2404.05868"
    evidence = OFFICIAL_CODE
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1

    def loss(self, idk: Scored, forget: Scored) -> Tensor:
        """The loss per example, [B]."""
        return 2 / self.beta * logistic(self.beta * (idk.logratio - forget.logratio))
