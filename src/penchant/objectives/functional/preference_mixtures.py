"""Mixtures of Bradley-Terry models (MiCRo): the loss of a mixture, posterior weights, and the router's loss."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["head_losses", "hedged_weights", "mixture_loss", "preference_probability", "router_loss"]


def head_losses(chosen: Tensor, rejected: Tensor) -> Tensor:
    """The Bradley-Terry loss of each head.

    ℓ_k = −log σ(r_k(y_w) − r_k(y_l))

    Args:
        chosen: [B, K] reward of the preferred response by each head.
        rejected: [B, K] of the other one.

    Returns:
        [B, K], nats.

    Example:
        >>> head_losses(torch.zeros(1, 2), torch.zeros(1, 2))
        tensor([[0.6931, 0.6931]])
    """
    return -logsigmoid(chosen - rejected)


def mixture_loss(chosen: Tensor, rejected: Tensor, log_weights: Tensor, alpha: float = 0.5) -> Tensor:
    """The negative log-likelihood of a pair under a mixture of Bradley-Terry models, and the weights' negative entropy.

    loss = −log Σ_k f_k σ(r_k(y_w) − r_k(y_l)) + α Σ_k f_k log f_k

    Args:
        chosen: [B, K] rewards of the preferred responses.
        rejected: [B, K] of the others.
        log_weights: [B, K] or [K] log f, normalised over K.
        alpha: weight of the second term, which draws the weights to the uniform ones.

    Returns:
        [B], nats.

    Example:
        >>> even = torch.full((1, 2), 0.5).log()
        >>> mixture_loss(torch.zeros(1, 2), torch.zeros(1, 2), even, alpha=0.0)
        tensor([0.6931])

    Reference:
        Shen et al. (2025), MiCRo: Mixture Modeling and Context-aware Routing for Personalized Preference Learning.
    """
    likelihood = torch.logsumexp(log_weights - head_losses(chosen, rejected), dim=-1)
    return alpha * (log_weights.exp() * log_weights).sum(dim=-1) - likelihood


def hedged_weights(log_weights: Tensor, losses: Tensor, temperature: float = 1.0) -> Tensor:
    """One step of Hedge: the weights of heads after their losses on a pair are known.

    ω_k ∝ f_k exp(−ℓ_k / τ)

    With τ = 1 it is the posterior over the heads, the E-step of the mixture. As τ → ∞ ω = f; as τ → 0 all weight goes
    to the head with the least loss.

    Args:
        log_weights: [B, K] log f of the current router.
        losses: [B, K] the heads' losses, nats.
        temperature: τ, greater than 0.

    Returns:
        [B, K], each row sums to 1; without gradient.

    Example:
        >>> even = torch.full((1, 2), 0.5).log()
        >>> hedged_weights(even, torch.tensor([[0.0, 1.0986]]))
        tensor([[0.7500, 0.2500]])
    """
    return torch.softmax(log_weights - losses / temperature, dim=-1).detach()


def router_loss(log_weights: Tensor, target: Tensor) -> Tensor:
    """The cross-entropy of the router to the weights that Hedge gives.

    loss = −Σ_k ω_k log f_k

    Args:
        log_weights: [B, K] log f.
        target: [B, K] ω.

    Returns:
        [B], nats.

    Example:
        >>> router_loss(torch.full((1, 2), 0.5).log(), torch.tensor([[1.0, 0.0]]))
        tensor([0.6931])
    """
    return -(target * log_weights).sum(dim=-1)


def preference_probability(first: Tensor, second: Tensor, log_weights: Tensor) -> Tensor:
    """The probability that the first response is preferred, under the mixture.

    P = Σ_k f_k σ(r_k(first) − r_k(second))

    Args:
        first: [..., K] rewards by each head.
        second: [..., K].
        log_weights: [..., K] log f.

    Returns:
        [...], in (0, 1).

    Example:
        >>> preference_probability(torch.zeros(2), torch.zeros(2), torch.full((2,), 0.5).log())
        tensor(0.5000)
    """
    return (log_weights.exp() * torch.sigmoid(first - second)).sum(dim=-1)
