"""Rationale-ORPO: ORPO plus the likelihood of a rationale that explains the preference."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import log_odds, logsigmoid

__all__ = ["RationaleORPO", "RationaleORPOSimple"]


class _WithRationale(Objective):
    """Base class of both forms: the odds ratio of the two responses and the likelihood of the chosen one."""

    paper = "arXiv:2407.14477"

    beta: Annotated[float, Ge(0), "weight of the odds ratio"] = 0.1
    nll_weight: Annotated[float, Ge(0), "weight w of the chosen response's likelihood"] = 1.0

    def _with(self, reason: Tensor, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B], minus the rationale term ``reason``."""
        ratio = log_odds(chosen.mean_logp) - log_odds(rejected.mean_logp)
        return -self.nll_weight * chosen.mean_logp - (self.beta * logsigmoid(ratio) + reason)


class RationaleORPO(_WithRationale):
    """RORPO, ORPO with rationales (Just, Jin, Sahu, Phan, Jia, 2024), as in its published code.

    loss = −w a_chosen − β log σ(o_chosen − o_rejected) − log σ(γ a_q),   o = a − log(1 − eᵃ)

    a is the mean log-probability per token under the policy, nats, of the chosen response, the rejected response and
    the rationale q. The published likelihood term is the mean over all chosen tokens of a batch, where long responses
    weigh more; here it is the mean per response, so that a loss does not depend on the rest of the batch.

    Example:
        >>> import torch
        >>> sure = Scored(torch.full((1, 3), -0.5), None, torch.ones(1, 3, dtype=torch.bool))
        >>> RationaleORPO(beta=0.1, gamma=0.0)(chosen=sure, rejected=sure, rationale=sure).values
        tensor([1.2625])

    Reference:
        Just, Jin, Sahu, Phan, Jia (2024), Data-Centric Human Preference Optimization with Rationales.
    """

    id = "rationale-orpo"
    evidence = PAPER
    tags = ("rationale", "likelihood", "normalized")

    gamma: Annotated[float, Ge(0), "scale of the rationale's mean log-probability"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored, rationale: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return self._with(logsigmoid(self.gamma * rationale.mean_logp), chosen, rejected)


class RationaleORPOSimple(_WithRationale):
    """RORPO in its simple form (Just, Jin, Sahu, Phan, Jia, 2024), as in its published code.

    loss = −w a_chosen − β log σ(o_chosen − o_rejected) − γ a_q,   o = a − log(1 − eᵃ)

    Like ``rationale-orpo``, but with the mean log-probability of the rationale itself instead of its log-sigmoid.

    Example:
        >>> import torch
        >>> sure = Scored(torch.full((1, 3), -0.5), None, torch.ones(1, 3, dtype=torch.bool))
        >>> RationaleORPOSimple(beta=0.0)(chosen=sure, rejected=sure, rationale=sure).values
        tensor([1.])

    Reference:
        Just, Jin, Sahu, Phan, Jia (2024), Data-Centric Human Preference Optimization with Rationales.
    """

    id = "rationale-orpo-simple"
    evidence = PAPER
    tags = ("rationale", "likelihood", "normalized")

    gamma: Annotated[float, Ge(0), "weight of the rationale's mean log-probability"] = 1.0

    def loss(self, chosen: Scored, rejected: Scored, rationale: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return self._with(self.gamma * rationale.mean_logp, chosen, rejected)
