"""GMPO: policy gradient with the geometric mean of clipped token ratios."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_mean
from penchant.objectives.functional.surrogates import (
    WithStatistics,
    mean_of_responses,
    of_responses,
    over_own_tokens,
    ratios_of,
    with_divergence,
)

__all__ = ["GMPO"]


class GMPO(Objective):
    """Geometric-Mean Policy Optimization, GMPO (Zhao et al., 2025).

    loss = mean over the prompt's responses of [−A exp(mean_t d_t) + β mean_t k3_t],   s = sign A
    d_t = s min(s ρ_t, s clip(ρ_t, −ε_low, ε_high)),   ρ_t = log π_t − log π_old,t

    k3_t and A are those of ``grpo``. The geometric mean is less sensitive to single tokens with extreme ratios than the
    arithmetic mean, so the clip range, here of the log-ratio, can be wider.

    Example:
        >>> one = torch.tensor([[-1.0]])
        >>> view = Scored(one, None, one < 0)
        >>> GMPO()(responses=view, advantage=torch.tensor([1.0]), old_policy=one - 1).values  # −exp(0.4)
        tensor([-1.4918])

    Reference:
        Zhao et al. (2025), Geometric-Mean Policy Optimization.
    """

    id = "gmpo"
    paper = "arXiv:2507.20673"
    evidence = OFFICIAL_CODE
    tags = ("online", "robust")

    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0
    epsilon_low: Annotated[float, Ge(0), "clip range of the log-ratio below 0"] = 0.4
    epsilon_high: Annotated[float, Ge(0), "clip range of the log-ratio above 0"] = 0.4

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=self.beta > 0)

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        sign = torch.sign(ratios.advantage)
        bounded = ratios.log_ratio.clamp(-self.epsilon_low, self.epsilon_high)
        held = sign * torch.minimum(sign * ratios.log_ratio, sign * bounded)
        losses = -of_responses(ratios, self.id) * masked_mean(held, responses.mask).exp()
        values, statistics = with_divergence(losses, ratios, responses, self.beta, over_own_tokens)
        clipped = masked_mean((held != ratios.log_ratio).to(losses.dtype), responses.mask)
        return values, {**statistics, "clipped": mean_of_responses(clipped, responses)}
