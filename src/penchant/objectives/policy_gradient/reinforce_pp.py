"""REINFORCE++: clipped policy gradient on advantages that are normalised over all tokens of a round."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.sampled.returns import divergences
from penchant.objectives.functional.surrogates import (
    WithStatistics,
    clipped_share,
    clipped_surrogate,
    mean_of_responses,
    over_batch_tokens,
    ratios_of,
)

__all__ = ["ReinforcePP"]


class ReinforcePP(Objective):
    """REINFORCE++ (Hu, 2025): the clipped loss of PPO without a critic, averaged over the tokens of the batch.

    loss = (1 / Σ_i |y_i|) Σ_i Σ_t [−min(r_t A_t, clip(r_t, 1−ε_low, 1+ε_high) A_t) + β KL_t]

    A_t is what makes the method (pairing ``returns``): the return to go of the token rewards, brought to mean 0 and
    variance 1 over all tokens of the round. The plain form has the divergence in the reward (β = 0 here); the baseline
    form subtracts the group's mean reward first and has the divergence here, by the estimate ``k2`` = d²/2 with d = log
    π_t − log π_ref,t. ReMax is the same loss with the return minus the greedy response's reward.

    Example:
        >>> one = torch.tensor([[-1.0, -2.0]])
        >>> view = Scored(one, None, one < 0)
        >>> ReinforcePP()(responses=view, advantage=torch.tensor([[1.0, -0.5]])).values
        tensor([-0.2500])

    Reference:
        Hu (2025), REINFORCE++: A Simple and Efficient Approach for Aligning Large Language Models.
    """

    id = "reinforce-pp"
    paper = "arXiv:2501.03262"
    evidence = OFFICIAL_CODE
    tags = ("online", "batch")
    coupled_by_length = True
    batch_coupled = True

    epsilon_low: Annotated[float, Ge(0), "clip range below 1"] = 0.2
    epsilon_high: Annotated[float, Ge(0), "clip range above 1"] = 0.2
    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0
    estimator: Annotated[Literal["k1", "k2", "k3", "abs"], "estimate of the divergence per token"] = "k2"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=self.beta > 0)

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R] or [R, T], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        tokens = clipped_surrogate(ratios, self.epsilon_low, self.epsilon_high)
        statistics = {"clipped": clipped_share(ratios, responses, self.epsilon_low, self.epsilon_high)}
        if self.beta:
            assert responses.reference is not None
            held = torch.where(responses.mask, responses.reference, 0.0).to(ratios.policy.dtype)
            apart = divergences(ratios.policy, held, self.estimator)
            tokens = tokens + self.beta * apart
            statistics["divergence"] = mean_of_responses(over_batch_tokens(apart, responses), responses)
        return mean_of_responses(over_batch_tokens(tokens, responses), responses), statistics
