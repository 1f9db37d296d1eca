"""Group Relative Policy Optimization (GRPO): clipped policy gradient with group-relative advantages."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.former import Former
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.surrogates import (
    WithStatistics,
    clipped_share,
    clipped_surrogate,
    over_own_tokens,
    ratios_of,
    refuse_small_cap,
    with_divergence,
)

__all__ = ["GRPO"]


class GRPO(Objective):
    """Group Relative Policy Optimization (Shao et al., 2024), eq. 3.

    loss = mean over the prompt's responses of mean_t [−min(r_t A, clip(r_t, 1−ε_low, 1+ε_high) A) + β k3_t]

    r_t = exp(log π_t − log π_old,t),   k3_t = exp(log π_ref,t − log π_t) − (log π_ref,t − log π_t) − 1

    An example is a prompt with its responses; A is the advantage of a response (`functional.advantages`), the same for
    all its tokens. Without ``old_policy``, r_t = 1 with a gradient, which is correct if every sample is used for a
    single step. The paper uses β = 0.04; 0, common today, needs no reference. Variants with another average or
    surrogate: ``dr-grpo``, ``bnpo``, ``dapo``, ``cispo``, ``sapo``, ``gmpo``. Statistics: ``clipped``, the share of
    tokens outside the clip range, and ``k3``.

    Example:
        >>> import torch
        >>> both = torch.full((2, 3), -1.0)
        >>> view = Scored(both, None, both < 0, group=torch.tensor([0, 0]))
        >>> GRPO()(responses=view, advantage=torch.tensor([1.0, -0.5])).values
        tensor([-0.2500])

    Reference:
        Shao et al. (2024), DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language Models.
    """

    id = "grpo"
    paper = "arXiv:2402.03300"
    evidence = OFFICIAL_CODE
    tags = ("online",)
    former = (
        Former(
            "loss_type",
            by_value={
                "grpo": "Leave it out.",
                "dr_grpo": "Use objective dr-grpo.",
                "bnpo": "Use objective bnpo.",
                "dapo": "Use objective dapo.",
                "cispo": "Use objective cispo.",
                "sapo": "Use objective sapo.",
                "gmpo": "Use objective gmpo.",
            },
        ),
        Former("max_completion_length", "Use objective dr-grpo."),
        Former("cispo_floor", "Use objective cispo with floor."),
        Former("tau_pos", "Use objective sapo."),
        Former("tau_neg", "Use objective sapo."),
    )

    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0
    kl_by_ratio: Annotated[
        bool, "multiply the divergence by the ratio, which makes its gradient unbiased off-policy"
    ] = False
    epsilon_low: Annotated[float, Ge(0), "clip range below 1"] = 0.2
    epsilon_high: Annotated[float, Ge(0), "clip range above 1"] = 0.2
    delta: Annotated[float, Ge(0), "cap of the ratio in the unclipped branch; 0 for no cap"] = 0.0

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.needs = Needs(reference=self.beta > 0)
        refuse_small_cap(self.delta, self.epsilon_high, self.id)

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        tokens = clipped_surrogate(ratios, self.epsilon_low, self.epsilon_high, self.delta)
        losses = over_own_tokens(tokens, responses)
        values, statistics = with_divergence(losses, ratios, responses, self.beta, over_own_tokens, self.kl_by_ratio)
        clipped = clipped_share(ratios, responses, self.epsilon_low, self.epsilon_high)
        return values, {**statistics, "clipped": clipped}
