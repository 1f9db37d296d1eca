"""Length-regularised DPO: the reward of a response falls with its length."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import offset_logistic

__all__ = ["LengthRegularizedDPO"]


class LengthRegularizedDPO(Objective):
    """R-DPO, length-regularised DPO (Park, Rafailov, Ermon, Finn, 2024).

    loss = −log σ(β (Δ_chosen − Δ_rejected) + α (|y_chosen| − |y_rejected|)),   Δ = log π − log π_ref   (summed, nats)

    It is DPO for the reward r − α |y|, and DPO with the offset −α (|y_chosen| − |y_rejected|): a chosen response that
    is longer has part of its margin for free and is pushed less. Lengths are in tokens and carry no gradient. Another
    method than ``rdpo``, which is robust DPO.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((2, 3), -1.0), torch.full((2, 3), -1.0), torch.ones(2, 3, dtype=torch.bool))
        >>> LengthRegularizedDPO()(chosen=equal, rejected=equal).values
        tensor([0.6931, 0.6931])

    Reference:
        Park, Rafailov, Ermon, Finn (2024), Disentangling Length from Quality in Direct Preference Optimization.
    """

    id = "r-dpo"
    paper = "arXiv:2403.19159"
    evidence = reconstruction("Both defaults are our choice, and the sign is derived anew; no published code is known.")
    tags = ("length",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    alpha: Annotated[float, Ge(0), "reward α taken off for each token of a response"] = 0.01

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        offset = self.alpha * (rejected.length - chosen.length).to(chosen.logratio.dtype)
        return offset_logistic(chosen, rejected, self.beta, offset)
