"""Retraining on curated samples, exactly: a user keeps one of K samples, and the next policy imitates what is kept."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import factorial

import torch
from torch import Tensor

__all__ = ["curated", "diversity", "exponential_reward"]


def curated(policy: Tensor, reward: Tensor, *, choices: int, real: Tensor | None = None, share: float = 0.0) -> Tensor:
    """The policy after one round: p'(x) = p(x) H(x), mixed with real data.

    H(x) = E_{x_2..x_K ~ p} [K e^{r(x)} / (e^{r(x)} + Σ_{i≥2} e^{r(x_i)})]

    Args:
        policy: [X, N] log-probabilities.
        reward: [X, N] of the user who keeps sample k with probability softmax_k(r(x_k)).
        choices: K, at least 1; the expectation is over all multisets of K − 1 responses.
        real: [X, N] log-probabilities of real data; none by default.
        share: weight of the real data, in [0, 1].

    Returns:
        [X, N] log-probabilities.

    Example:
        >>> half = torch.tensor([[0.5, 0.5]]).log()
        >>> curated(half, torch.tensor([[0.0, 0.0]]), choices=3).exp()
        tensor([[0.5000, 0.5000]])

    Reference:
        Ferbach, Bertrand, Bose, Gidel (2024), Self-Consuming Generative Models with Curated Data Provably Optimize
        Human Preferences, lemma 2.2.
    """
    chance, value = policy.exp(), reward.exp()
    weight = torch.zeros_like(chance)
    for others in combinations_with_replacement(range(policy.shape[-1]), choices - 1):
        ways = factorial(choices - 1)
        for each in set(others):
            ways //= factorial(others.count(each))
        place = list(others)
        likely = ways * chance[:, place].prod(-1, keepdim=True)
        weight += likely * choices * value / (value + value[:, place].sum(-1, keepdim=True))
    kept = chance * weight
    return (kept if real is None else (1 - share) * kept + share * real.exp()).log()


def exponential_reward(policy: Tensor, reward: Tensor) -> float:
    """E[e^r], averaged over prompts.

    Args:
        policy: [X, N] log-probabilities.
        reward: [X, N].

    Example:
        >>> exponential_reward(torch.tensor([[0.5, 0.5]]).log(), torch.zeros(1, 2))
        1.0
    """
    return float((policy.exp() * reward.exp()).sum(-1).mean())


def diversity(policy: Tensor) -> float:
    """The effective number of responses, the exponential of the entropy, averaged over prompts.

    Args:
        policy: [X, N] log-probabilities.

    Example:
        >>> round(diversity(torch.tensor([[0.25, 0.25, 0.5]]).log()), 4)
        2.8284
    """
    return float((-(policy.exp() * policy).sum(-1)).exp().mean())
