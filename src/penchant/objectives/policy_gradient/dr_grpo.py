"""Dr. GRPO: GRPO with token losses divided by a constant, without length bias."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_sum
from penchant.objectives.functional.surrogates import (
    WithStatistics,
    clipped_share,
    clipped_surrogate,
    ratios_of,
    refuse_small_cap,
    with_divergence,
)

__all__ = ["DrGRPO"]


class DrGRPO(Objective):
    """Dr. GRPO, GRPO Done Right (Liu et al., 2025): no division by the length of each response.

    loss = mean over the prompt's responses of (1 / L) Σ_t [−min(r_t A, clip(r_t, 1−ε_low, 1+ε_high) A) + β k3_t]

    r_t, k3_t and A are those of ``grpo``; L is ``max_completion_length``, the maximum length of a sampled response.
    Dividing by each response's length would favour short correct and long wrong responses. The paper does not divide
    advantages by the standard deviation of the group either (``pairing.scale=none``).

    Example:
        >>> import torch
        >>> both = torch.full((2, 3), -1.0)
        >>> view = Scored(both, None, both < 0, group=torch.tensor([0, 0]))
        >>> DrGRPO(max_completion_length=6)(responses=view, advantage=torch.tensor([1.0, -0.5])).values
        tensor([-0.1250])

    Reference:
        Liu, Chen, Li, Qi, Pang, Du, Lee, Lin (2025), Understanding R1-Zero-Like Training: A Critical Perspective.
    """

    id = "dr-grpo"
    paper = "arXiv:2503.20783"
    evidence = PAPER
    tags = ("online", "length")

    max_completion_length: Annotated[int, Gt(0), "divisor L of the sum over the tokens of a response"] = 256
    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0
    kl_by_ratio: Annotated[
        bool, "multiply the divergence by the ratio, which makes its gradient unbiased off-policy"
    ] = False
    delta: Annotated[float, Ge(0), "cap of the ratio in the unclipped branch; 0 for no cap"] = 0.0
    epsilon_low: Annotated[float, Ge(0), "clip range below 1"] = 0.2
    epsilon_high: Annotated[float, Ge(0), "clip range above 1"] = 0.2

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        refuse_small_cap(self.delta, self.epsilon_high, self.id)
        self.needs = Needs(reference=self.beta > 0)

    def _over_constant(self, tokens: Tensor, responses: Scored) -> Tensor:
        return masked_sum(tokens, responses.mask) / self.max_completion_length

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        tokens = clipped_surrogate(ratios, self.epsilon_low, self.epsilon_high, self.delta)
        losses = self._over_constant(tokens, responses)
        values, statistics = with_divergence(
            losses, ratios, responses, self.beta, self._over_constant, self.kl_by_ratio
        )
        statistics["clipped"] = clipped_share(ratios, responses, self.epsilon_low, self.epsilon_high)
        return values, statistics
