"""BNPO: the GRPO loss averaged over all tokens of the batch."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.surrogates import (
    WithStatistics,
    clipped_share,
    clipped_surrogate,
    over_batch_tokens,
    ratios_of,
    refuse_small_cap,
    with_divergence,
)

__all__ = ["BNPO"]


class BNPO(Objective):
    """GRPO averaged over the tokens of the batch, called BNPO in TRL (von Werra et al., 2020).

    loss = (1 / Σ_i |y_i|) Σ_i Σ_t [−min(r_t A, clip(r_t, 1−ε_low, 1+ε_high) A) + β k3_t]   over the batch's responses

    r_t, k3_t and A are those of ``grpo``. Every token counts the same, so long responses count more. The token count
    couples the examples of a batch, and is known before they are scored, so a split step costs nothing more. ``dapo``
    uses the same average, with a wider clip range and without the divergence.

    Example:
        >>> import torch
        >>> both = torch.full((2, 3), -1.0)
        >>> view = Scored(both, None, torch.tensor([[True] * 3, [True, False, False]]), group=torch.tensor([0, 0]))
        >>> BNPO()(responses=view, advantage=torch.tensor([1.0, -0.5])).values  # −(3 · 1 − 1 · ½) / 4
        tensor([-0.6250])

    Reference:
        von Werra et al. (2020), TRL: Transformer Reinforcement Learning.
    """

    id = "bnpo"
    paper = "github:huggingface/trl"
    evidence = OFFICIAL_CODE
    tags = ("online", "batch")
    batch_coupled = True
    coupled_by_length = True

    epsilon_low: Annotated[float, Ge(0), "clip range below 1"] = 0.2
    epsilon_high: Annotated[float, Ge(0), "clip range above 1"] = 0.2
    delta: Annotated[float, Ge(0), "cap of the ratio in the unclipped branch; 0 for no cap"] = 0.0
    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0
    kl_by_ratio: Annotated[
        bool, "multiply the divergence by the ratio, which makes its gradient unbiased off-policy"
    ] = False

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        refuse_small_cap(self.delta, self.epsilon_high, self.id)
        self.needs = Needs(reference=self.beta > 0)

    def loss(self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R], ``old_policy`` is [R, T], nats."""
        ratios = ratios_of(responses, advantage, old_policy)
        outside = clipped_share(ratios, responses, self.epsilon_low, self.epsilon_high)
        tokens = clipped_surrogate(ratios, self.epsilon_low, self.epsilon_high, self.delta)
        losses = over_batch_tokens(tokens, responses)
        values, statistics = with_divergence(losses, ratios, responses, self.beta, over_batch_tokens, self.kl_by_ratio)
        return values, statistics | {"clipped": outside}
