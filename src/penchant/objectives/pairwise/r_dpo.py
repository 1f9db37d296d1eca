"""R-DPO: DPO with a length penalty on the reward."""

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

    This is DPO for the reward r − α |y|, and DPO with the offset −α (|y_chosen| − |y_rejected|): a longer chosen
    response needs a smaller margin and gets a smaller gradient. Lengths are in tokens and carry no gradient. Not to be
    confused with ``rdpo``, robust DPO.

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
    evidence = reconstruction(
        "Both defaults are our choice, and the sign is our derivation; no published code is known."
    )
    tags = ("length",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    alpha: Annotated[float, Ge(0), "length penalty α per token of a response"] = 0.01

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        offset = self.alpha * (rejected.length - chosen.length).to(chosen.logratio.dtype)
        return offset_logistic(chosen, rejected, self.beta, offset)
