"""DAPO: GRPO with an asymmetric clip range and a token-level average over the batch, without reference."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.former import Former
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.surrogates import (
    WithStatistics,
    clipped_share,
    clipped_surrogate,
    mean_of_responses,
    over_batch_tokens,
    ratios_of,
)

__all__ = ["DAPO"]


class DAPO(Objective):
    """Decoupled Clip and Dynamic Sampling Policy Optimization, DAPO (Yu et al., 2025), eq. 8, the loss only.

    loss = (1 / Σ_i |y_i|) Σ_i Σ_t −min(r_t A, clip(r_t, 1−ε_low, 1+ε_high) A)   over the batch's responses

    r_t and A are those of ``grpo``. ε_high > ε_low lets unlikely tokens gain probability. The paper omits the
    divergence from the reference; ``bnpo`` has the same average with it. The token count couples the examples of a
    batch, and is known before they are scored, so a split step costs nothing more. Dynamic sampling and the
    overlong penalty are settings of the loop and of the reward.

    Example:
        >>> import torch
        >>> one = torch.tensor([[-1.0]])
        >>> view = Scored(one, None, one < 0)
        >>> DAPO()(responses=view, advantage=torch.tensor([1.0]), old_policy=one - 1).values
        tensor([-1.2800])

    Reference:
        Yu et al. (2025), DAPO: An Open-Source LLM Reinforcement Learning System at Scale.
    """

    id = "dapo"
    paper = "arXiv:2503.14476"
    evidence = OFFICIAL_CODE
    tags = ("online", "batch")
    former = (Former("beta", "Use objective bnpo, which has the divergence.", {0.0: "Leave it out."}),)
    batch_coupled = True
    coupled_by_length = True

    epsilon_low: Annotated[float, Ge(0), "clip range below 1"] = 0.2
    epsilon_high: Annotated[float, Ge(0), "clip range above 1"] = 0.28

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        losses = over_batch_tokens(clipped_surrogate(ratios, self.epsilon_low, self.epsilon_high), responses)
        clipped = clipped_share(ratios, responses, self.epsilon_low, self.epsilon_high)
        return mean_of_responses(losses, responses), {"clipped": clipped}
