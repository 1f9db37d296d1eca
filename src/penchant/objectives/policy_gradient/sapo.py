"""SAPO: policy gradient with a smooth gate instead of the clip."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.surrogates import WithStatistics, over_own_tokens, ratios_of, with_divergence

__all__ = ["SAPO"]


class SAPO(Objective):
    """Soft Adaptive Policy Optimization, SAPO (Gao et al., 2025).

    loss = mean over the prompt's responses of mean_t [−A (4 / τ) σ(τ (r_t − 1)) + β k3_t]

    r_t, k3_t and A are those of ``grpo``; τ is τ_pos where A > 0, else τ_neg. The gate has slope 1 at r_t = 1 and
    flattens on both sides. A larger τ for A < 0 flattens it sooner, since lowering a token raises all other tokens.

    Example:
        >>> one = torch.tensor([[-1.0]])
        >>> SAPO()(responses=Scored(one, None, one < 0), advantage=torch.tensor([1.0])).values  # −4 σ(0)
        tensor([-2.])

    Reference:
        Gao et al. (2025), Soft Adaptive Policy Optimization.
    """

    id = "sapo"
    paper = "arXiv:2511.20347"
    evidence = OFFICIAL_CODE
    tags = ("online",)

    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0
    tau_pos: Annotated[float, Gt(0), "steepness τ of the gate for responses above average"] = 1.0
    tau_neg: Annotated[float, Gt(0), "steepness τ of the gate for responses below average"] = 1.05

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=self.beta > 0)

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        tau = torch.where(ratios.advantage > 0, self.tau_pos, self.tau_neg)
        tokens = -ratios.advantage * 4 / tau * torch.sigmoid(tau * (ratios.ratio - 1))
        losses = over_own_tokens(tokens, responses)
        return with_divergence(losses, ratios, responses, self.beta, over_own_tokens)
