"""Anchored DPO on pairs (ADPO): logistic loss with soft labels and a temperature."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["ADPOPairwise"]


class ADPOPairwise(Objective):
    """Anchored Direct Preference Optimization on pairs (Wang, 2025).

    loss = −p log σ(m / τ) − (1 − p) log σ(−m / τ),   m = Δ_chosen − Δ_rejected,   Δ = log π(y|x) − log π_anchor(y|x)

    p is the probability that the chosen response is the better one, and 1 if records have no ``probability``: then τ =
    1 / β gives DPO. A constant p = 1 − ε gives DPO with label smoothing ε. The anchor is the reference of the run:
    fixed, the last iterate, or a moving average.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> ADPOPairwise()(chosen=equal, rejected=equal, probability=torch.tensor([0.8])).values
        tensor([0.6931])

    Reference:
        Wang (2025), ADPO: Anchored Direct Preference Optimization.
    """

    id = "adpo-pairwise"
    paper = "arXiv:2510.18913"
    evidence = PAPER
    tags = ("soft-labels", "robust")
    needs = Needs(reference=True)

    tau: Annotated[float, Gt(0), "temperature of the margin, nats; the 1 / β of DPO"] = 10.0

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor | None = None) -> Tensor:
        """The loss per pair, [B]."""
        return logistic(logratio_margin(chosen, rejected) / self.tau, 0.0 if probability is None else 1 - probability)

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward Δ / τ of each response, [R], without gradient."""
        return (view.logratio / self.tau).detach()
