"""Building blocks of policy-gradient losses: probability ratios, clipped surrogates, and averages over tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import WIDEST, k3, masked_mean, masked_sum, wide_dtype

__all__ = [
    "Ratios",
    "WithStatistics",
    "clipped_share",
    "clipped_surrogate",
    "mean_of_responses",
    "of_responses",
    "over_batch_tokens",
    "over_own_tokens",
    "ratios_of",
    "refuse_small_cap",
    "with_divergence",
]

#: The loss per example, [B], and named statistics, each [B].
WithStatistics = tuple[Tensor, dict[str, Tensor]]


class Ratios(NamedTuple):
    """Per-token log-ratios between the policy and the sampling policy, and the advantage per response.

    Args:
        policy: [R, T] log π_t, nats; 0 where the mask is false.
        log_ratio: [R, T] log π_t − log π_old,t, clamped to ±20.
        advantage: [R, 1], or [R, T] where tokens have advantages of their own.
    """

    policy: Tensor
    log_ratio: Tensor
    advantage: Tensor

    @property
    def ratio(self) -> Tensor:
        """r_t = exp(log π_t − log π_old,t), [R, T]."""
        return self.log_ratio.exp()


def ratios_of(responses: Scored, advantage: Tensor, old_policy: Tensor | None) -> Ratios:
    """The ratios of sampled responses, in float32 or wider.

    r_t = π_t / π_old,t

    Args:
        responses: the samples, scored by the policy.
        advantage: [R], the same for all tokens of a response, or [R, T].
        old_policy: [R, T] log-probabilities under the sampling policy, nats. If absent, the detached current policy
            takes its place: r_t is 1 with a gradient, which is correct if every sample is used for a single step.

    Example:
        >>> view = Scored(torch.tensor([[-1.0]]), None, torch.ones(1, 1, dtype=torch.bool))
        >>> ratios_of(view, torch.tensor([1.0]), torch.tensor([[-1.5]])).log_ratio
        tensor([[0.5000]])
    """
    wide = wide_dtype(responses.policy.dtype)
    policy = torch.where(responses.mask, responses.policy, 0.0).to(wide)
    old = policy.detach() if old_policy is None else torch.where(responses.mask, old_policy, 0.0).to(wide)
    held = advantage.unsqueeze(-1) if advantage.dim() == 1 else torch.where(responses.mask, advantage, 0.0)
    return Ratios(policy, (policy - old).clamp(-WIDEST, WIDEST), held.to(wide))


def clipped_surrogate(ratios: Ratios, low: float, high: float, delta: float = 0.0) -> Tensor:
    """The clipped surrogate of PPO per token, which removes the incentive to move far from the old policy.

    loss_t = −min(r_t A, clip(r_t, 1 − low, 1 + high) A)

    Args:
        ratios: the ratios of the samples.
        low: clip range below 1.
        high: clip range above 1.
        delta: cap of the ratio in the unclipped branch; 0 for no cap.

    Returns:
        [R, T].

    Example:
        >>> far = Ratios(torch.zeros(1, 1), torch.tensor([[1.0]]), torch.tensor([[2.0]]))
        >>> clipped_surrogate(far, 0.2, 0.2)
        tensor([[-2.4000]])

    Reference:
        Schulman et al. (2017), Proximal Policy Optimization Algorithms, eq. 7.
    """
    ratio = ratios.ratio
    clipped = ratio.clamp(1 - low, 1 + high)
    capped = ratio.clamp(max=delta) if delta else ratio
    return -torch.minimum(capped * ratios.advantage, clipped * ratios.advantage)


def clipped_share(ratios: Ratios, responses: Scored, low: float, high: float) -> Tensor:
    """The share of tokens with a ratio outside [1 − low, 1 + high], averaged over the responses of each example.

    Args:
        ratios: the ratios of the samples.
        responses: the samples.
        low: clip range below 1.
        high: clip range above 1.

    Returns:
        [B] in [0, 1].

    Example:
        >>> view = Scored(torch.tensor([[-1.0]]), None, torch.ones(1, 1, dtype=torch.bool))
        >>> clipped_share(ratios_of(view, torch.ones(1), torch.tensor([[-2.0]])), view, 0.2, 0.2)
        tensor([1.])
    """
    outside = (ratios.ratio > 1 + high) | (ratios.ratio < 1 - low)
    return mean_of_responses(masked_mean(outside.to(ratios.policy.dtype), responses.mask), responses)


def with_divergence(
    losses: Tensor,
    ratios: Ratios,
    responses: Scored,
    beta: float,
    average: Callable[[Tensor, Scored], Tensor],
    by_ratio: bool = False,
) -> WithStatistics:
    """The mean loss of each example's responses plus β times the KL estimate to the reference.

    loss_b = mean over responses of [loss_i + β average(k3_t)],   k3_t = exp(d_t) − d_t − 1

    d_t = log π_ref,t − log π_t. With ``by_ratio`` k3_t is multiplied by r_t: then its gradient is that of the
    divergence also where other weights than the present ones have drawn the samples.

    Args:
        losses: [R] the surrogate loss of each response.
        ratios: the ratios of the samples.
        responses: the samples, also scored by the reference if β is not 0.
        beta: weight β of the divergence.
        average: function from [R, T] to [R]; the same average as for the surrogate.
        by_ratio: multiply each token's divergence by its ratio, with gradient.

    Returns:
        The losses [B] and, if β is not 0, the mean divergence per token as the statistic ``k3``.

    Example:
        >>> view = Scored(torch.tensor([[-1.0]]), torch.tensor([[-1.0]]), torch.ones(1, 1, dtype=torch.bool))
        >>> ratios = ratios_of(view, torch.ones(1), None)
        >>> with_divergence(torch.tensor([2.0]), ratios, view, 0.1, over_own_tokens)
        (tensor([2.]), {'k3': tensor([0.])})

    Reference:
        Shao et al. (2024), DeepSeekMath, eq. 4.
    """
    if beta == 0:
        return mean_of_responses(losses, responses), {}
    assert responses.reference is not None
    reference = torch.where(responses.mask, responses.reference, 0.0).to(ratios.policy.dtype)
    apart = k3(reference - ratios.policy)
    statistics = {"k3": mean_of_responses(masked_mean(apart, responses.mask), responses)}
    if by_ratio:
        apart = apart * ratios.ratio
    return mean_of_responses(losses + beta * average(apart, responses), responses), statistics


def over_own_tokens(tokens: Tensor, responses: Scored) -> Tensor:
    """The mean over the tokens of each response, so that every response counts the same.

    Args:
        tokens: [R, T].
        responses: the responses, which provide the mask.

    Returns:
        [R].

    Example:
        >>> view = Scored(torch.zeros(2, 2), None, torch.tensor([[True, True], [True, False]]))
        >>> over_own_tokens(torch.ones(2, 2), view)
        tensor([1., 1.])
    """
    return masked_mean(tokens, responses.mask)


def over_batch_tokens(tokens: Tensor, responses: Scored) -> Tensor:
    """One number per response, whose mean over the batch is the mean over all of the batch's tokens.

    value_i = Σ_t tokens_it · R / Σ_j |y_j|   over the R responses of the batch, or of the step that it is a part of

    Args:
        tokens: [R, T].
        responses: the responses, which provide the mask.

    Returns:
        [R].

    Example:
        >>> view = Scored(torch.zeros(2, 2), None, torch.tensor([[True, True], [True, False]]))
        >>> over_batch_tokens(torch.ones(2, 2), view)
        tensor([1.3333, 0.6667])
    """
    mean_length = responses.step_length or responses.length.sum().clamp(min=1) / max(len(responses.length), 1)
    return masked_sum(tokens, responses.mask) / mean_length


def mean_of_responses(values: Tensor, responses: Scored) -> Tensor:
    """The mean over the responses of each example.

    Args:
        values: [R].
        responses: the responses, which provide the example of each.

    Returns:
        [B].

    Example:
        >>> view = Scored(torch.zeros(2, 1), None, torch.ones(2, 1, dtype=torch.bool), group=torch.tensor([0, 0]))
        >>> mean_of_responses(torch.tensor([1.0, 3.0]), view)
        tensor([2.])
    """
    examples = responses.examples
    counts = torch.bincount(responses.group, minlength=examples).clamp(min=1).to(values.dtype)
    return values.new_zeros(examples).index_add(0, responses.group, values) / counts


def of_responses(ratios: Ratios, objective: str) -> Tensor:
    """The advantage of each response, [R], for losses with one ratio a response.

    Args:
        ratios: the ratios of the samples.
        objective: the id, named in the message.

    Raises:
        ConfigurationError: tokens have advantages of their own.

    Example:
        >>> of_responses(Ratios(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([[2.0]])), "gmpo")
        tensor([2.])
    """
    if ratios.advantage.shape[-1] != 1:
        raise ConfigurationError(
            f"The advantages have the shape {list(ratios.advantage.shape)}: one for each token.",
            where=f"objective {objective}",
            why="It has one ratio for each response.",
            fix="Choose pairing=group, or objective reinforce-pp, ppo, bnpo or dapo.",
        )
    return ratios.advantage.squeeze(-1)


def refuse_small_cap(delta: float, epsilon_high: float, objective: str) -> None:
    """Raise if the cap of the unclipped branch lies inside the clip range.

    Args:
        delta: the cap; 0 for no cap.
        epsilon_high: clip range above 1.
        objective: the id, named in the message.

    Raises:
        ConfigurationError: the cap is not above 1 + ``epsilon_high``.

    Example:
        >>> refuse_small_cap(1.5, 0.2, "grpo")
    """
    if delta and delta <= 1 + epsilon_high:
        raise ConfigurationError(
            f"'delta' is {delta}, not above 1 + epsilon_high = {1 + epsilon_high}.",
            where=f"objective {objective}",
            why="A smaller cap would undo the clip.",
            fix="Give a larger delta, or 0 for no cap.",
        )
