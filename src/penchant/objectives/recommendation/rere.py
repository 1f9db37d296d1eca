"""ReRe: policy gradient on generated items, with group advantages of one on-policy step."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_mean
from penchant.objectives.functional.numerics import k3, masked_mean, masked_sum

__all__ = ["ReRe"]


class ReRe(Objective):
    """Reinforced Preference Optimization for Recommendation (Tan et al., 2025), as in its published code.

    loss = mean_t [−exp(ℓ_t − sg ℓ_t) A + β k₃(ℓ_ref,t − ℓ_t)],   ℓ_t = log π(y_t|x, y_<t),   k₃(d) = e^d − d − 1

    A is the advantage of the item in its group of generated items, whose rewards are 1 for the target and −w/Σw for
    items above it in the beam (`penchant.objectives.functional.ranking_rewards`). ``dapo`` averages over the tokens of
    the batch, ``gspo`` has one ratio a response.

    Example:
        >>> one = torch.full((1, 2), -1.0)
        >>> ReRe()(responses=Scored(one, one, one < 0), advantage=torch.tensor([2.0])).values
        tensor([-2.])

    Reference:
        Tan et al. (2025), Reinforced Preference Optimization for Recommendation.
    """

    id = "rere"
    paper = "arXiv:2510.12211"
    evidence = OFFICIAL_CODE
    tags = ("online",)
    exempt = Exempt(value_gradient="the ratio is 1 by value, and its gradient is that of the log-probability")
    family = "recommendation"

    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.001
    form: Annotated[Literal["grpo", "dapo", "gspo"], "mean over responses or tokens, or one ratio a response"] = "grpo"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.batch_coupled = self.form == "dapo"
        self.needs = Needs(reference=self.beta > 0)

    def loss(self, responses: Scored, advantage: Tensor) -> Tensor:
        """The mean loss of the items of each prompt, [B]."""
        return group_mean(self.of_items(responses, advantage), responses.group)

    def of_items(self, responses: Scored, advantage: Tensor) -> Tensor:
        """The loss of each item, [R]."""
        policy = torch.where(responses.mask, responses.policy, 0.0)
        gain = policy - policy.detach()
        divergence = self.beta * k3(-responses.token_logratio) if self.beta > 0 else torch.zeros_like(policy)
        if self.form == "gspo":
            ratio = masked_mean(gain, responses.mask).exp()
            return -(ratio * advantage) + masked_mean(divergence, responses.mask)
        terms = -gain.exp() * advantage.unsqueeze(-1) + divergence
        if self.form == "grpo":
            return masked_mean(terms, responses.mask)
        mean_length = responses.length.sum().clamp(min=1) / max(len(responses.length), 1)
        return masked_sum(terms, responses.mask) / mean_length
