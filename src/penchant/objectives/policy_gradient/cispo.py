"""CISPO: policy gradient with clipped importance weights, so that every token keeps its gradient."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.surrogates import (
    WithStatistics,
    clipped_share,
    over_batch_tokens,
    ratios_of,
    with_divergence,
)

__all__ = ["CISPO"]


class CISPO(Objective):
    """Clipped Importance-Sampling Policy Optimization, CISPO (MiniMax, 2025), eq. 4.

    loss = (1 / Σ_i |y_i|) Σ_i Σ_t [−sg(clip(r_t, floor, cap)) A log π_t + β k3_t]   over the batch's responses

    r_t, k3_t and A are those of ``grpo``; sg stops the gradient. No token loses its gradient, however large its ratio.
    The bounds are ratios: the ``epsilon_high`` of TRL is the cap, verl clips to [1 − low, 1 + high]. The paper has no
    floor and does not state its cap; the default is 1 + ε_high of ``dapo``. The token count couples the examples of a
    batch, and is known before they are scored, so a split step costs nothing more.

    Example:
        >>> import torch
        >>> one = torch.tensor([[-1.0]])
        >>> view = Scored(one, None, one < 0)
        >>> CISPO(cap=2.0)(responses=view, advantage=torch.tensor([1.0]), old_policy=one - 1).values
        tensor([2.])

    Reference:
        MiniMax (2025), MiniMax-M1: Scaling Test-Time Compute Efficiently with Lightning Attention.
    """

    id = "cispo"
    paper = "arXiv:2506.13585"
    evidence = OFFICIAL_CODE
    tags = ("online", "batch")
    exempt = Exempt(value_gradient="the clipped ratio carries no gradient")
    batch_coupled = True
    coupled_by_length = True

    floor: Annotated[float, Ge(0), "lower bound of the importance weight"] = 0.0
    cap: Annotated[float, Gt(0), "upper bound of the importance weight"] = 1.28
    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=self.beta > 0)

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        tokens = -ratios.ratio.detach().clamp(self.floor, self.cap) * ratios.advantage * ratios.policy
        losses = over_batch_tokens(tokens, responses)
        values, statistics = with_divergence(losses, ratios, responses, self.beta, over_batch_tokens)
        return values, {**statistics, "clipped": clipped_share(ratios, responses, 1 - self.floor, self.cap - 1)}
