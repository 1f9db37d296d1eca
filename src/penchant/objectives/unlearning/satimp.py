"""SatImp: gradient ascent on tokens that are neither forgotten nor certain."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import log1mexp
from penchant.objectives.functional.token_average import TokenAveraged, token_average

__all__ = ["SatImp"]


class SatImp(TokenAveraged):
    """Saturation and importance weights (Yang et al., 2025), as in open-unlearning.

    loss = −Σ_t w_t nll_t / |y|,   w_t = p_t^β₁ (1 − p_t)^β₂,   nll_t = −log p_t,   p_t = π(y_t|x, y_<t)

    The weight carries no gradient. With ``average=batch`` the mean over examples is the mean over all tokens of the
    batch, as in published code.

    Example:
        >>> view = Scored(torch.full((1, 2), -1.0), None, torch.ones(1, 2, dtype=torch.bool))
        >>> SatImp(beta1=1.0, beta2=1.0)(forget=view).values
        tensor([-0.2325])

    Reference:
        Yang, Wang, Huang, Liu, Liu, Han (2025), Exploring Criteria of Loss Reweighting to Enhance LLM Unlearning.
    """

    id = "satimp"
    paper = "arXiv:2505.11953"
    evidence = OFFICIAL_CODE
    tags = ("batch", "weighting")
    exempt = Exempt(value_gradient="the weight of a token carries no gradient")

    beta1: Annotated[float, Ge(0), "exponent of the token's probability"] = 5.0
    beta2: Annotated[float, Ge(0), "exponent of the probability of all other tokens"] = 1.0

    def loss(self, forget: Scored) -> Tensor:
        """The loss per example, [B], nats per token."""
        logp = torch.where(forget.mask, forget.policy, 0.0)
        with torch.no_grad():
            weight = (self.beta1 * logp + self.beta2 * log1mexp(logp)).exp()
        return token_average(forget, weight * logp, self.average)
