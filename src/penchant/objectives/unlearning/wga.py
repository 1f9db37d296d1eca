"""Weighted gradient ascent: tokens that are forgotten already count little."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.token_average import TokenAveraged, token_average

__all__ = ["WGA"]


class WGA(TokenAveraged):
    """Weighted gradient ascent (Wang et al., 2025), as in open-unlearning.

    loss = −Σ_t w_t nll_t / |y|,   w_t = p_t^β,   nll_t = −log p_t,   p_t = π(y_t|x, y_<t)

    The weight carries no gradient. With ``average=batch`` the mean over examples is the mean over all tokens of the
    batch, as in published code.

    Example:
        >>> view = Scored(torch.full((1, 2), -1.0), None, torch.ones(1, 2, dtype=torch.bool))
        >>> WGA(beta=1.0)(forget=view).values
        tensor([-0.3679])

    Reference:
        Wang, Zhou, Zhou, Lin, Zhang, Weinberger (2025), Rethinking LLM Unlearning Objectives: A Gradient Perspective.
    """

    id = "wga"
    paper = "arXiv:2502.19301"
    evidence = OFFICIAL_CODE
    tags = ("batch", "weighting")
    exempt = Exempt(value_gradient="the weight of a token carries no gradient")

    beta: Annotated[float, Ge(0), "exponent of the token's probability; 0 is gradient ascent"] = 1.0

    def loss(self, forget: Scored) -> Tensor:
        """The loss per example, [B], nats per token."""
        logp = torch.where(forget.mask, forget.policy, 0.0)
        with torch.no_grad():
            weight = (self.beta * logp).exp()
        return token_average(forget, weight * logp, self.average)
