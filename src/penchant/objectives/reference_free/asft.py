"""Aligned Supervised Fine-Tuning (ASFT): each response of a pair is classified by its own odds."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import INDEPENDENT_CODE
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import log_odds
from penchant.objectives.functional.pairs import logistic

__all__ = ["ASFT"]


class ASFT(Objective):
    """Aligned Supervised Fine-Tuning (Wang et al., 2024).

    loss = −c A_chosen + λ [−log σ(b o_chosen) − log σ(−b o_rejected)],   A = mean log π(y|x),   o = A − log(1 − exp A)

    A is the mean over a response's tokens (nats per token), o the log-odds of their geometric mean probability. Where
    ORPO compares the odds of both responses, here each has a term of its own, so the gradient of one does not depend on
    the other. With b = 1, as in the paper, loss = −(c + λ) A_chosen − λ log(1 − exp A_rejected).

    Example:
        >>> import torch
        >>> half = Scored(torch.full((1, 3), 0.5).log(), None, torch.ones(1, 3, dtype=torch.bool))
        >>> ASFT()(chosen=half, rejected=half).values
        tensor([2.0794])

    Reference:
        Wang, Chen, Liu, Sun, Hu (2024), ASFT: Aligned Supervised Fine-Tuning through Absolute Likelihood.
    """

    id = "asft"
    paper = "arXiv:2409.10571"
    evidence = INDEPENDENT_CODE
    tags = ("likelihood", "normalized")

    lambda_: Annotated[float, Ge(0), "weight of the two binary terms; 0 is supervised fine-tuning"] = 1.0
    beta: Annotated[float, Gt(0), "slope b of the log-odds; 1 in the paper"] = 1.0
    ce_coef: Annotated[float, Ge(0), "weight c of the chosen response's negative log-likelihood"] = 1.0

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its three terms."""
        up = logistic(self.beta * log_odds(chosen.mean_logp))
        down = logistic(-self.beta * log_odds(rejected.mean_logp))
        nll = -chosen.mean_logp
        return self.ce_coef * nll + self.lambda_ * (up + down), {"nll": nll, "odds/chosen": up, "odds/rejected": down}

    def rewards(self, view: Scored) -> Tensor:
        """b times the log-odds of each response, [R], without gradient."""
        return (self.beta * log_odds(view.mean_logp)).detach()
