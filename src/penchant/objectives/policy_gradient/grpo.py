"""Group Relative Policy Optimization and its variants: policy gradient on groups of samples, without a critic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import WIDEST, k3, masked_mean, masked_sum, wide_dtype

__all__ = ["GRPO"]


class GRPO(Objective):
    """Group Relative Policy Optimization (Shao et al., 2024), eq. 3, with the variants that differ by a term.

    loss = mean over the prompt's responses of mean_t [−min(r_t A, clip(r_t, 1−ε_low, 1+ε_high) A) + β k3_t]

    r_t = exp(log π_t − log π_old,t),   k3_t = exp(log π_ref,t − log π_t) − (log π_ref,t − log π_t) − 1

    One example is a prompt with its responses; A is the advantage of each (`functional.advantages`), the same
    at all its tokens. Without ``old_policy`` the policy is its own (r_t = 1 with a gradient): right where every sample
    is used for one step. ``loss_type`` says what is averaged, or changes the surrogate:

    - ``grpo``: over tokens, then responses. ``dr_grpo``: sum over tokens / ``max_completion_length``, then responses.
    - ``bnpo``, ``dapo``: sum over all tokens / number of tokens of the batch, so that examples are coupled.
    - ``cispo``: −sg[min(r_t, ε_high)] A log π_t, averaged over the batch's tokens; ε_high is the cap itself.
    - ``sapo``: −A (4/τ) σ(τ (r_t − 1)), τ by the sign of A. ``gmpo``: −A exp(mean_t of the clipped log-ratio).

    Example:
        >>> both = torch.full((2, 3), -1.0)
        >>> view = Scored(both, None, both < 0, group=torch.tensor([0, 0]))
        >>> GRPO()(responses=view, advantage=torch.tensor([1.0, -0.5])).values
        tensor([-0.2500])

    Reference:
        Shao et al. (2024), DeepSeekMath; Liu et al. (2025), Dr. GRPO; Yu et al. (2025), DAPO; MiniMax (2025), CISPO;
        Zhao et al. (2025), Geometric-Mean Policy Optimization; Gao et al. (2025), Soft Adaptive Policy Optimization.
    """

    id = "grpo"
    paper = "arXiv:2402.03300"
    family = "policy-gradient"

    beta: Annotated[float, Ge(0), "weight of the divergence from the reference; 0 needs no reference"] = 0.0
    epsilon_low: Annotated[float, Ge(0), "how far below 1 a ratio still counts"] = 0.2
    epsilon_high: Annotated[float, Ge(0), "how far above 1 a ratio still counts; for cispo the largest ratio"] = 0.2
    delta: Annotated[float, Ge(0), "largest ratio in the unclipped branch; 0 for none"] = 0.0
    loss_type: Annotated[
        Literal["grpo", "bnpo", "dapo", "dr_grpo", "cispo", "sapo", "gmpo"], "what is averaged, and the surrogate"
    ] = "grpo"
    cispo_floor: Annotated[float, Ge(0), "the smallest ratio of cispo"] = 0.0
    max_completion_length: Annotated[int, Gt(0), "tokens that dr_grpo divides by"] = 256
    tau_pos: Annotated[float, Gt(0), "steepness of sapo's gate for responses above average"] = 1.0
    tau_neg: Annotated[float, Gt(0), "the same for those below"] = 1.05

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if self.delta and self.delta <= 1 + self.epsilon_high:
            raise ConfigurationError(
                f"'delta' is {self.delta}, not above 1 + epsilon_high = {1 + self.epsilon_high}.",
                where="objective grpo",
                why="A smaller cap would undo the clip.",
                fix="Give a larger delta, or 0 for none.",
            )
        self.needs = Needs(reference=self.beta > 0)
        self.batch_coupled = self.loss_type in ("bnpo", "dapo", "cispo")

    def loss(
        self, responses: Scored, advantage: Tensor, old_policy: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each prompt's responses, [B]; ``advantage`` is [R], ``old_policy`` [R, T] in nats."""
        mask, wide = responses.mask, wide_dtype(responses.policy.dtype)
        policy = torch.where(mask, responses.policy, 0.0).to(wide)
        old = policy.detach() if old_policy is None else torch.where(mask, old_policy, 0.0).to(wide)
        gain = advantage.to(wide).unsqueeze(-1)
        log_ratio = (policy - old).clamp(-WIDEST, WIDEST)
        if self.loss_type == "gmpo":
            sequences = self._geometric(log_ratio, mask, gain)
        else:
            sequences = self._averaged(self._surrogate(policy, log_ratio.exp(), gain), responses)
        clipped = (log_ratio.exp() > 1 + self.epsilon_high) | (log_ratio.exp() < 1 - self.epsilon_low)
        statistics = {"clipped": _per_example(masked_mean(clipped.to(wide), mask), responses)}
        if self.beta > 0:
            divergence = self._divergence(responses, policy)
            sequences = sequences + self.beta * self._averaged(divergence, responses)
            statistics["k3"] = _per_example(masked_mean(divergence, mask), responses)
        return _per_example(sequences, responses), statistics

    def _surrogate(self, policy: Tensor, ratio: Tensor, gain: Tensor) -> Tensor:
        """The loss of each token, [R, T]."""
        if self.loss_type == "cispo":
            return -ratio.detach().clamp(self.cispo_floor, self.epsilon_high) * gain * policy
        if self.loss_type == "sapo":
            tau = torch.where(gain > 0, self.tau_pos, self.tau_neg)
            return -gain * 4 / tau * torch.sigmoid(tau * (ratio - 1))
        clipped = ratio.clamp(1 - self.epsilon_low, 1 + self.epsilon_high)
        capped = ratio.clamp(max=self.delta) if self.delta else ratio
        return -torch.minimum(capped * gain, clipped * gain)

    def _geometric(self, log_ratio: Tensor, mask: Tensor, gain: Tensor) -> Tensor:
        """−A exp(mean of the log-ratios, each clipped on the side that A would push it to), [R]."""
        sign = torch.sign(gain)
        bounded = log_ratio.clamp(-self.epsilon_low, self.epsilon_high)
        held = sign * torch.minimum(sign * log_ratio, sign * bounded)
        return -gain.squeeze(-1) * masked_mean(held, mask).exp()

    def _averaged(self, tokens: Tensor, responses: Scored) -> Tensor:
        """Token losses to one number a response, so that the mean over responses and prompts is the batch's loss."""
        if self.loss_type == "dr_grpo":
            return masked_sum(tokens, responses.mask) / self.max_completion_length
        if self.batch_coupled:
            mean_length = responses.length.sum().clamp(min=1) / max(len(responses.length), 1)
            return masked_sum(tokens, responses.mask) / mean_length
        return masked_mean(tokens, responses.mask)

    def _divergence(self, responses: Scored, policy: Tensor) -> Tensor:
        assert responses.reference is not None
        return k3(torch.where(responses.mask, responses.reference, 0.0).to(policy.dtype) - policy)


def _per_example(values: Tensor, responses: Scored) -> Tensor:
    """The mean of each example's responses, [B]."""
    examples = responses.examples
    counts = torch.bincount(responses.group, minlength=examples).clamp(min=1).to(values.dtype)
    return values.new_zeros(examples).index_add(0, responses.group, values) / counts
