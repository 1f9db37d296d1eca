"""Robust DPO (rDPO): an unbiased estimate of the clean DPO loss under labels flipped at a known rate."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["RobustDPO"]


class RobustDPO(Objective):
    """Provably Robust DPO (Chowdhury, Kini, Natarajan, 2024), eq. 8.

    loss = [−(1 − ε) log σ(β m) + ε log σ(−β m)] / (1 − 2 ε),   m = Δ_chosen − Δ_rejected,   Δ = log π − log π_ref

    If every label is flipped with probability ε, its expectation is the DPO loss with the true label. It is unbounded
    below: the gradient in m tends to −β ε / (1 − 2 ε) and never changes sign.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> RobustDPO(label_smoothing=0.3)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Chowdhury, Kini, Natarajan (2024), Provably Robust DPO: Aligning Language Models with Noisy Feedback.
    """

    id = "rdpo"
    paper = "arXiv:2403.00409"
    evidence = OFFICIAL_CODE
    tags = ("noise", "robust")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    label_smoothing: Annotated[float, Interval(ge=0, lt=0.5), "assumed share ε of flipped labels"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        margin = self.beta * (chosen.logratio - rejected.logratio)
        flipped = self.label_smoothing
        return (flipped * logsigmoid(-margin) - (1 - flipped) * logsigmoid(margin)) / (1 - 2 * flipped)
