"""Next-token logits of several models combined into those of one: emulated fine-tuning, mixtures, realignment."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from penchant.errors import ConfigurationError

__all__ = [
    "arithmetic_mixture",
    "check_weights",
    "eft_logits",
    "geometric_mixture",
    "nucleus",
    "realigned_logits",
    "reward_logits",
]


def eft_logits(
    base: Tensor,
    tuned: Sequence[Tensor],
    reference: Tensor | None,
    weights: Sequence[float],
    *,
    top_p: float | None = None,
) -> Tensor:
    """Logits of a base model with the fine-tuning of other models (emulated fine-tuning, EFT).

    l̃(v) = l_base(v) + Σ_i w_i [l_i(v) − l_ref(v)]

    A softmax of them is π_base Π_i (π_i / π_ref)^w_i, renormalised: a constant added to the logits of any model changes
    nothing. With ``top_p`` (conservative decoding) a tuned model reweights only the tokens of its own nucleus, and the
    differences are of log-probabilities, since constants would then matter.

    Args:
        base: [..., V] logits of the model whose scale counts.
        tuned: one [..., V] per tuned model.
        reference: [..., V] logits of the model that they were tuned from; None for the base itself.
        weights: one w_i per tuned model; a negative one moves away from its tuning.
        top_p: probability mass of the nucleus, in (0, 1]; None to reweight all tokens.

    Returns:
        [..., V], unnormalised.

    Raises:
        ConfigurationError: there is not one weight per tuned model.

    Example:
        >>> base, tuned, small = torch.tensor([0.0, 1.0]), torch.tensor([2.0, 0.0]), torch.tensor([1.0, 0.0])
        >>> eft_logits(base, [tuned], small, [1.0]), eft_logits(base, [tuned], None, [1.0])
        (tensor([1., 1.]), tensor([2., 0.]))

    Reference:
        Mitchell et al. (2024), An Emulator for Fine-Tuning Large Language Models using Small Language Models,
        arXiv:2310.12962; conservative decoding in section 4.4.
    """
    check_weights(weights, len(tuned), "tuned model")
    start = base if reference is None else reference
    if top_p is None:
        return base + sum((w * (each - start) for w, each in zip(weights, tuned, strict=True)), torch.zeros_like(base))
    found, before = base.log_softmax(-1), start.log_softmax(-1)
    for weight, each in zip(weights, tuned, strict=True):
        lead = weight * (each.log_softmax(-1) - before)
        found = found + torch.where(nucleus(each, top_p), lead, 0.0)
    return found


def nucleus(logits: Tensor, top_p: float) -> Tensor:
    """The smallest set of most likely tokens whose probabilities sum to at least ``top_p``; never empty.

    Args:
        logits: [..., V].
        top_p: probability mass, in (0, 1].

    Returns:
        [..., V], whether a token is in the set.

    Example:
        >>> nucleus(torch.tensor([0.5, 0.3, 0.2]).log(), 0.6)
        tensor([ True,  True, False])
    """
    ordered, place = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    return torch.zeros_like(logits, dtype=torch.bool).scatter(-1, place, before < top_p)


def geometric_mixture(logits: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Logits of the weighted geometric mean of several models, log π(v) = Σ_i w_i log π_i(v) − log Z.

    Args:
        logits: one [..., V] per model.
        weights: one per model; usually they sum to 1.

    Returns:
        [..., V], unnormalised log-probabilities.

    Example:
        >>> geometric_mixture([torch.tensor([4.0, 0.0]), torch.tensor([0.0, 4.0])], [0.5, 0.5]).softmax(-1)
        tensor([0.5000, 0.5000])
    """
    check_weights(weights, len(logits), "model")
    return torch.stack([w * each.log_softmax(-1) for w, each in zip(weights, logits, strict=True)]).sum(0)


def arithmetic_mixture(logits: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Logits of the weighted mean of the probabilities of several models, log π(v) = log Σ_i w_i π_i(v) − log Z.

    Args:
        logits: one [..., V] per model.
        weights: one per model, none negative.

    Returns:
        [..., V], unnormalised log-probabilities.

    Raises:
        ConfigurationError: a weight is negative, or all are 0.

    Example:
        >>> arithmetic_mixture([torch.tensor([0.9, 0.1]).log(), torch.tensor([0.5, 0.5]).log()], [0.5, 0.5]).exp()
        tensor([0.7000, 0.3000])
    """
    check_weights(weights, len(logits), "model")
    if min(weights) < 0 or sum(weights) == 0:
        raise ConfigurationError(
            f"The weights of a mean of probabilities are {list(weights)}, expected none below 0 and one above.",
            fix="Choose the geometric mean for negative weights, or other weights.",
        )
    parts = [
        each.log_softmax(-1) + torch.tensor(float(w)).log().item() for w, each in zip(weights, logits, strict=True)
    ]
    return torch.stack(parts).logsumexp(0)


def realigned_logits(reference: Tensor, aligned: Tensor, strength: float) -> Tensor:
    """Logits between a reference (0) and an aligned model (1), and beyond (decoding-time realignment, DeRa).

    l(v) = (1 − λ) l_ref(v) + λ l_aligned(v)

    A model tuned with β then acts as one tuned with about β / λ.

    Args:
        reference: [..., V] logits of the model before tuning.
        aligned: [..., V] logits of the tuned model.
        strength: λ, at least 0.

    Example:
        >>> realigned_logits(torch.tensor([0.0, 2.0]), torch.tensor([2.0, 0.0]), 2.0)
        tensor([ 4., -2.])

    Reference:
        Liu et al. (2024), Decoding-time Realignment of Language Models, arXiv:2402.02992.
    """
    return (1 - strength) * reference + strength * aligned


def reward_logits(policy: Tensor, reward: Tensor, beta: float) -> Tensor:
    """Logits of a policy guided by an autoregressive reward model: l(v) + (1 / β) log π_r(v).

    Args:
        policy: [..., V] logits of the policy.
        reward: [..., V] logits of the reward model, a language model whose log-probabilities are token rewards.
        beta: strength of the policy against the reward, above 0.

    Example:
        >>> reward_logits(torch.tensor([0.0, 0.0]), torch.tensor([0.8, 0.2]).log(), 0.5).softmax(-1)
        tensor([0.9412, 0.0588])

    Reference:
        Xu et al. (2025), GenARM: Reward Guided Generation with Autoregressive Reward Model, arXiv:2410.08193.
    """
    return policy + reward.log_softmax(-1) / beta


def check_weights(weights: Sequence[float], models: int, what: str) -> None:
    """Refuse another number of weights than of models.

    Raises:
        ConfigurationError: there is not one weight per model, or there is no model.
    """
    if len(weights) != models or not models:
        raise ConfigurationError(
            f"There are {len(weights)} weights for {models} {what}s.",
            where="weights",
            fix=f"Give one weight per {what}, and at least one {what}.",
        )
