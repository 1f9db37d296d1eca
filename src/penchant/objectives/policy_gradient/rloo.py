"""RLOO: REINFORCE with the other samples as baseline, and one ratio a response."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import WIDEST
from penchant.objectives.functional.surrogates import WithStatistics, mean_of_responses, of_responses, ratios_of

__all__ = ["RLOO"]


class RLOO(Objective):
    """REINFORCE Leave-One-Out (Ahmadian et al., 2024), with the clipped ratio of its published code.

    loss = mean over the prompt's responses of −min(ρ A, clip(ρ, 1−ε_low, 1+ε_high) A),   ρ = exp Σ_t (log π_t − log
    π_old,t)

    A is the reward minus the mean reward of the other responses (``pairing.baseline=others``); the divergence from the
    reference is part of the reward (``pairing.kl_coef``). A whole response is one action, so its ratio is that of the
    sequence; without ``old_policy`` it is 1 and the gradient is −A ∇ log π(y).

    Example:
        >>> both = torch.full((2, 3), -1.0)
        >>> view = Scored(both, None, both < 0, group=torch.tensor([0, 0]))
        >>> RLOO()(responses=view, advantage=torch.tensor([1.0, -0.5])).values
        tensor([-0.2500])

    Reference:
        Ahmadian, Cremer, Gallé, Fadaee, Kreutzer, Pietquin, Üstün, Hooker (2024), Back to Basics: Revisiting REINFORCE
        Style Optimization for Learning from Human Feedback in LLMs.
    """

    id = "rloo"
    paper = "arXiv:2402.14740"
    evidence = OFFICIAL_CODE
    tags = ("online",)

    epsilon_low: Annotated[float, Ge(0), "clip range below 1"] = 0.2
    epsilon_high: Annotated[float, Ge(0), "clip range above 1"] = 0.2

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        held = of_responses(ratios, self.id)
        ratio = ratios.log_ratio.sum(-1).clamp(-WIDEST, WIDEST).exp()
        clipped = ratio.clamp(1 - self.epsilon_low, 1 + self.epsilon_high)
        losses = -torch.minimum(ratio * held, clipped * held)
        outside = mean_of_responses((clipped != ratio).to(losses.dtype), responses)
        return mean_of_responses(losses, responses), {"clipped": outside}
