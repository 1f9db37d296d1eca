"""SLiC-HF in its original form: a hinge on log-likelihoods plus a likelihood term, reference-free."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor, relu

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import negative_log_likelihood

__all__ = ["SLiCHF"]


class SLiCHF(Objective):
    """Sequence Likelihood Calibration with Human Feedback, original form (Zhao et al., 2023).

    loss = max(0, δ − log π(y_chosen|x) + log π(y_rejected|x)) − λ log π(y_target|x)   (summed over tokens, nats)

    The target of the likelihood term is the chosen response. ``slic-hinge`` is the form with a reference. A later
    published implementation of the second term broadcasts token log-probabilities against sequence log-probabilities;
    here it is the sum.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> SLiCHF(delta=2.0, lambda_=0.5)(chosen=equal, rejected=equal).values  # 2 + 0.5 · 3
        tensor([3.5000])

    Reference:
        Zhao, Joshi, Liu, Khalman, Saleh, Liu (2023), SLiC-HF: Sequence Likelihood Calibration with Human Feedback.
    """

    id = "slic-hf"
    paper = "arXiv:2305.10425"
    evidence = reconstruction("The default of λ is our choice.")
    tags = ("margin", "likelihood")
    exempt = Exempt(zero_margin="its likelihood term is a sum over tokens, so longer responses cost more")

    delta: Annotated[float, Ge(0), "margin δ, in nats, above which the hinge has no gradient"] = 1.0
    lambda_: Annotated[float, Ge(0), "weight λ of the likelihood of the target"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return relu(self.delta - chosen.logp + rejected.logp) + self.lambda_ * negative_log_likelihood(chosen)
