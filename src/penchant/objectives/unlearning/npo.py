"""NPO: the rejected half of DPO, for responses to forget."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["NPO"]


class NPO(Objective):
    """Negative Preference Optimization (Zhang et al., 2024), eq. 3, as in its published code.

    loss = −(2/β) log σ(−β d),   d = log π(y|x) − log π_ref(y|x),   summed over tokens, nats

    The gradient is that of gradient ascent on the summed log-probability, times W = 2 σ(β d) in (0, 2): 1 at the start,
    and 0 for responses that are far less likely than under the reference, so the loss is bounded below. With a retain
    term: ``npo + retain-nll`` (also ``npo-retain``) or ``npo + retain-kl`` (``npo-kl``).

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> NPO(beta=2.0)(forget=equal).values
        tensor([0.6931])

    Reference:
        Zhang, Lin, Bai, Mei (2024), Negative Preference Optimization: From Catastrophic Collapse to Effective
        Unlearning.
    """

    id = "npo"
    paper = "arXiv:2404.05868"
    evidence = OFFICIAL_CODE
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature; 0 in the limit is gradient ascent"] = 0.1

    def loss(self, forget: Scored) -> Tensor:
        """The loss per example, [B]."""
        return 2 / self.beta * logistic(-self.beta * forget.logratio)
