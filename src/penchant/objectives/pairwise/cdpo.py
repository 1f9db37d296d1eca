"""Conservative DPO (cDPO): the DPO loss with label smoothing."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["ConservativeDPO"]


class ConservativeDPO(Objective):
    """Conservative DPO, label smoothing (Mitchell, 2023), eq. 3 of the note.

    loss = −(1 − ε) log σ(β m) − ε log σ(−β m),   m = Δ_chosen − Δ_rejected,   Δ = log π − log π_ref   (summed, nats)

    ε is the probability that the label is flipped: ``label_smoothing``, or 1 − p per pair if the record has a
    ``probability`` p that chosen is preferred. The minimum is at β m = log((1 − ε) / ε); beyond it the gradient changes
    sign, unlike that of rDPO. CREAM is this loss with, as p, how far the rankings of two checkpoints agree
    (`penchant.objectives.functional.games.consistency`).

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> ConservativeDPO(label_smoothing=0.3)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Mitchell (2023), A note on DPO with noisy preferences and relationship to IPO.
    """

    id = "cdpo"
    aliases = ("cream",)
    paper = "https://ericmitchell.ai/cdpo.pdf"
    evidence = OFFICIAL_CODE
    tags = ("noise", "robust", "soft-labels")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    label_smoothing: Annotated[
        float, Interval(ge=0, lt=0.5), "assumed share ε of flipped labels, for records without probability"
    ] = 0.0

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor | None = None) -> Tensor:
        """The loss per pair, [B]."""
        flipped = self.label_smoothing if probability is None else 1 - probability
        return logistic(self.beta * logratio_margin(chosen, rejected), flipped)
