"""Odds Ratio Preference Optimization (ORPO): likelihood plus odds ratio, single-stage and reference-free."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import log_odds
from penchant.objectives.functional.pairs import logistic

__all__ = ["ORPO"]


class ORPO(Objective):
    """Odds Ratio Preference Optimization (Hong, Lee, Thorne, 2024), eq. 6.

    loss = −A_chosen − λ log σ(o_chosen − o_rejected),   A = mean log π(y|x),   o = A − log(1 − exp A)

    A is the mean over a response's tokens (nats per token), o the log-odds of their geometric mean probability. The
    likelihood is that of the response only; the published trainer includes the prompt tokens by default, which would
    need log-probabilities of prompts. Near A → 0 the log-odds are bounded.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> ORPO(lambda_=1.0)(chosen=equal, rejected=equal).values
        tensor([1.6931])

    Reference:
        Hong, Lee, Thorne (2024), ORPO: Monolithic Preference Optimization without Reference Model.
    """

    id = "orpo"
    paper = "arXiv:2403.07691"
    evidence = OFFICIAL_CODE
    tags = ("likelihood", "normalized")

    lambda_: Annotated[float, Ge(0), "weight of the odds ratio; 0 is supervised fine-tuning"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two terms."""
        preference = logistic(log_odds(chosen.mean_logp) - log_odds(rejected.mean_logp))
        return self.lambda_ * preference - chosen.mean_logp, {"preference": preference, "nll": -chosen.mean_logp}

    def rewards(self, view: Scored) -> Tensor:
        """λ times the log-odds of each response, [R], without gradient."""
        return (self.lambda_ * log_odds(view.mean_logp)).detach()
