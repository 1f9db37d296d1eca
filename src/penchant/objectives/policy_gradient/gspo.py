"""GSPO: GRPO with one ratio a response, the geometric mean of its token ratios."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import WIDEST, masked_mean
from penchant.objectives.functional.surrogates import (
    Ratios,
    WithStatistics,
    clipped_share,
    clipped_surrogate,
    over_own_tokens,
    ratios_of,
    with_divergence,
)

__all__ = ["GSPO"]


class GSPO(Objective):
    """Group Sequence Policy Optimization, GSPO (Zheng et al., 2025), in its form for tokens.

    loss = mean over the prompt's responses of mean_t [−min(s_t A_t, clip(s_t, 1−ε_low, 1+ε_high) A_t) + β k3_t]

    s_t = sg[s] π_t / sg[π_t],   s = exp(mean_t (log π_t − log π_old,t))

    sg stops the gradient, so s_t has the value of s. Where all tokens of a response have the same advantage, value and
    gradient are those of the sequence form −min(s A, clip(s) A); A may also differ by token. A response whose s is
    outside the clip range on the improving side loses its gradient as a whole. s hardly differs from 1, so the clip
    range is far smaller than for tokens. k3_t is that of ``grpo``.

    Example:
        >>> import torch
        >>> one = torch.tensor([[-1.0, -2.0]])
        >>> view = Scored(one, None, one < 0)
        >>> GSPO()(responses=view, advantage=torch.tensor([1.0]), old_policy=one - 1).values
        tensor([-1.0004])

    Reference:
        Zheng et al. (2025), Group Sequence Policy Optimization.
    """

    id = "gspo"
    paper = "arXiv:2507.18071"
    evidence = OFFICIAL_CODE
    tags = ("online",)

    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0
    epsilon_low: Annotated[float, Ge(0), "clip range below 1"] = 3e-4
    epsilon_high: Annotated[float, Ge(0), "clip range above 1"] = 4e-4

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=self.beta > 0)

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R] or [R, T], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        whole = masked_mean(ratios.log_ratio, responses.mask).detach().unsqueeze(-1)
        each = (whole + ratios.policy - ratios.policy.detach()).clamp(-WIDEST, WIDEST)
        alike = Ratios(ratios.policy, each, ratios.advantage)
        losses = over_own_tokens(clipped_surrogate(alike, self.epsilon_low, self.epsilon_high), responses)
        values, statistics = with_divergence(losses, ratios, responses, self.beta, over_own_tokens)
        statistics["clipped"] = clipped_share(alike, responses, self.epsilon_low, self.epsilon_high)
        return values, statistics
