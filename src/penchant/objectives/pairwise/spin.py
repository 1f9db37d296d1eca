"""Self-Play Fine-Tuning (SPIN): the policy learns to prefer demonstrations to its own earlier responses."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["SPIN"]


class SPIN(Objective):
    """Self-Play Fine-Tuning (Chen et al., 2024), eq. 4.7.

    loss = ℓ(β (Δ_human − Δ_generated)),   Δ = log π(y|x) − log π_k(y|x)   (summed over tokens, nats)

    ℓ(z) = −log σ(z), or max(0, 1 − z) for the hinge. The reference π_k is the opponent: the policy of the last
    iteration, which generated the rejected response; the chosen one is a demonstration. With the logistic ℓ this is
    ``dpo`` with that reference.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> SPIN(loss_type="hinge")(chosen=equal, rejected=equal).values
        tensor([1.])

    Reference:
        Chen, Deng, Yuan, Ji, Gu (2024), Self-Play Fine-Tuning Converts Weak Language Models to Strong Language Models.
    """

    id = "spin"
    paper = "arXiv:2401.01335"
    evidence = OFFICIAL_CODE
    tags = ("self-play",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "scale of the log-ratios; larger values stay closer to the opponent"] = 0.1
    loss_type: Annotated[Literal["sigmoid", "hinge"], "logistic loss, or hinge with margin 1"] = "sigmoid"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        margin = self.beta * chosen.logratio - self.beta * rejected.logratio
        return (1 - margin).clamp(min=0) if self.loss_type == "hinge" else -logsigmoid(margin)
