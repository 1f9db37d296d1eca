"""PPO with a critic: clipped policy gradient, and a value head on the policy's last hidden states."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.numerics import masked_mean, masked_sum
from penchant.objectives.functional.surrogates import (
    Ratios,
    WithStatistics,
    clipped_surrogate,
    mean_of_responses,
    over_batch_tokens,
    over_own_tokens,
    ratios_of,
)

__all__ = ["PPO", "value_losses"]


def value_losses(values: Tensor, old_values: Tensor, returns: Tensor, clip: float) -> Tensor:
    """Half of the squared error of a critic, of the worse of its value and its clipped value.

    loss = ½ max((V − R)², (clip(V, V_old ± ε) − R)²)

    Args:
        values: V, any shape.
        old_values: V_old, the values when the responses were sampled.
        returns: R.
        clip: ε; 0 for no clip.

    Example:
        >>> value_losses(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([1.0]), 0.2)
        tensor([0.3200])
    """
    plain = (values - returns).square()
    if not clip:
        return plain / 2
    held = torch.minimum(torch.maximum(values, old_values - clip), old_values + clip)
    return torch.maximum(plain, (held - returns).square()) / 2


class PPO(Objective):
    """Proximal Policy Optimization (Schulman et al., 2017) for language models (Ziegler et al., 2019), with a critic.

    loss = average_t max(−A_t r_t, −A_t clip(r_t, 1−ε_low, 1+ε_high)) + c_v mean_t ½ max((V_t − R_t)², (V̄_t − R_t)²)

    r_t = exp(log π_t − log π_old,t),   V_t = w · h_t + b,   V̄_t = clip(V_t, V_old,t ± ε_v)

    h_t is the policy's last hidden state that predicts token t; the critic w is trained with the model and kept in
    checkpoints, not in the saved model. Advantages A_t and returns R_t are those of the pairing ``returns``: token
    rewards of the score and of the divergence from the reference, and generalised advantage estimation under the values
    V_old that the critic had when the responses were sampled. Means are over all tokens of the batch. With
    ``dual_clip`` c > 0, a token with A_t < 0 costs at most −c A_t. Tokens that the policy did not write (a tool's, or
    the beginning of a given response in DR-PO) count in neither part. Statistics: ``clipped``, ``value_loss``,
    ``value_clipped``.

    Example:
        >>> one = torch.full((1, 2), -1.0)
        >>> view = Scored(one, None, one < 0, hidden=torch.ones(1, 2, 3))
        >>> objective = PPO()
        >>> objective.bind(3)
        >>> given = {"advantage": torch.tensor([[1.0, 0.0]]), "returns": torch.tensor([[2.0, 2.0]])}
        >>> objective(responses=view, **given).values  # −(1 + 0) / 2 + 0.1 · ½ · 2²
        tensor([-0.3000], grad_fn=<DivBackward0>)

    Reference:
        Schulman, Wolski, Dhariwal, Radford, Klimov (2017), Proximal Policy Optimization Algorithms; Ziegler et al.
        (2019), Fine-Tuning Language Models from Human Preferences; Chang et al. (2024), Dataset Reset Policy
        Optimization for RLHF.
    """

    id = "ppo"
    aliases = ("dr-po",)
    paper = "arXiv:1707.06347"
    evidence = OFFICIAL_CODE
    tags = ("online", "batch")
    batch_coupled = True
    needs = Needs(hidden=True)

    epsilon_low: Annotated[float, Ge(0), "clip range below 1"] = 0.2
    epsilon_high: Annotated[float, Ge(0), "clip range above 1"] = 0.2
    dual_clip: Annotated[float, Ge(0), "most that a token with a negative advantage costs, in −A; 0 for no limit"] = 0.0
    value_clip: Annotated[float, Ge(0), "clip range of values around those at sampling; 0 for no clip"] = 0.2
    value_weight: Annotated[float, Ge(0), "weight c_v of the critic's loss"] = 0.1
    detach_critic: Annotated[bool, "the critic's loss does not reach the policy's weights"] = False
    aggregation: Annotated[
        Literal["token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm"],
        "average of the policy's part: over the batch's tokens, of the responses' means or sums, or, as verl computes "
        "it, the sum over all tokens divided by the length of the longest response",
    ] = "token-mean"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.critic = Head(1)
        self.coupled_by_length = self.aggregation != "seq-mean-token-sum-norm"

    def values(self, responses: Scored) -> Tensor:
        """The critic's value of the state before each token, [R, T]; 0 where the mask is false."""
        states = responses.states.detach() if self.detach_critic else responses.states
        return torch.where(responses.mask, self.critic(states).squeeze(-1), 0.0)

    def loss(
        self,
        responses: Scored,
        advantage: Tensor,
        returns: Tensor,
        old_policy: Tensor | None = None,
        old_values: Tensor | None = None,
    ) -> WithStatistics:
        """The loss per prompt, [B]; ``advantage`` is [R] or [R, T], the others are [R, T].

        Without ``old_policy`` and ``old_values``, the present ones take their place, which is correct for one step.
        """
        ratios = ratios_of(responses, advantage, old_policy)
        tokens, held = self._policy_tokens(ratios)
        values = self.values(responses)
        former = values.detach() if old_values is None else torch.where(responses.mask, old_values, 0.0)
        wanted = torch.where(responses.mask, returns, 0.0)
        errors = value_losses(values, former.to(values.dtype), wanted.to(values.dtype), self.value_clip)
        wide = tokens.dtype
        outside = (values - former).abs() > self.value_clip if self.value_clip else torch.zeros_like(responses.mask)
        statistics = {
            "clipped": masked_mean(held.to(wide), responses.mask),
            "value_loss": over_batch_tokens(errors, responses),
            "value_clipped": masked_mean(outside.to(wide), responses.mask),
        }
        losses = self._averaged(tokens, responses) + self.value_weight * over_batch_tokens(errors, responses)
        named = {name: mean_of_responses(each.detach(), responses) for name, each in statistics.items()}
        return mean_of_responses(losses, responses), named

    def _policy_tokens(self, ratios: Ratios) -> tuple[Tensor, Tensor]:
        """The policy's part per token, and where the clip holds it, [R, T]."""
        plain = -ratios.ratio * ratios.advantage
        tokens = clipped_surrogate(ratios, self.epsilon_low, self.epsilon_high)
        held = tokens > plain
        if self.dual_clip:
            limit = -self.dual_clip * ratios.advantage
            tokens = torch.where(ratios.advantage < 0, torch.minimum(tokens, limit), tokens)
        return tokens, held

    def _averaged(self, tokens: Tensor, responses: Scored) -> Tensor:
        """One number per response, [R], whose mean is the loss."""
        if self.aggregation == "token-mean":
            return over_batch_tokens(tokens, responses)
        if self.aggregation == "seq-mean-token-mean":
            return over_own_tokens(tokens, responses)
        total = masked_sum(tokens, responses.mask)
        if self.aggregation == "seq-mean-token-sum":
            return total
        return total * len(total) / responses.length.max().clamp(min=1)
