"""DPO-Positive (DPOP): DPO with a penalty on chosen responses that become less likely than under the reference."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor, relu

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["DPOP"]


class DPOP(Objective):
    """DPO-Positive, Smaug (Pal et al., 2024).

    loss = −log σ(β (Δ_chosen − Δ_rejected − λ max(0, −Δ_chosen))),   Δ = log π(y|x) − log π_ref(y|x)   (summed, nats)

    If the chosen response is at least as likely as under the reference, this is DPO. The penalty is inside the bracket
    that β multiplies, as in the paper; some reimplementations put it outside.

    Example:
        >>> import torch
        >>> less = Scored(torch.tensor([[-3.0]]), torch.tensor([[-2.0]]), torch.ones(1, 1, dtype=torch.bool))
        >>> DPOP(beta=1.0, lambda_=4.0)(chosen=less, rejected=less).values  # −log σ(−4)
        tensor([4.0181])

    Reference:
        Pal, Karkhanis, Dooley, Roberts, Naidu, White (2024), Smaug: Fixing Failure Modes of Preference Optimisation
        with DPO-Positive.
    """

    id = "dpop"
    paper = "arXiv:2402.13228"
    evidence = OFFICIAL_CODE
    tags = ("likelihood",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.3
    lambda_: Annotated[float, Ge(0), "weight λ of the penalty; the paper tries 5, 50 and 500"] = 50.0

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        penalty = self.lambda_ * relu(-chosen.logratio)
        return logistic(self.beta * (logratio_margin(chosen, rejected) - penalty))
