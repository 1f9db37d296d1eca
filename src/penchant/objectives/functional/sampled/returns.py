"""Token rewards, divergences per token, returns and generalised advantages of sampled responses."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from penchant.objectives.functional.numerics import WIDEST, k3

__all__ = ["Estimator", "divergences", "gae", "next_coefficient", "return_to_go", "token_rewards", "whiten"]

Estimator = Literal["k1", "k2", "k3", "abs"]


def divergences(policy: Tensor, reference: Tensor, estimator: Estimator = "k1") -> Tensor:
    """Estimates of KL(π ‖ π_ref) from single tokens that π sampled.

    d = log π − log π_ref;   k1 = d,   k2 = d²/2,   k3 = exp(−d) + d − 1,   abs = |d|

    k1 and k3 are unbiased; k2 has the right gradient in expectation as a loss. Log-ratios of k3 are clamped to ±20.

    Args:
        policy: [R, T] log-probabilities, nats.
        reference: [R, T] likewise.
        estimator: which one.

    Returns:
        [R, T], nats.

    Example:
        >>> divergences(torch.tensor([[-1.0]]), torch.tensor([[-3.0]]), "k2")
        tensor([[2.]])

    Reference:
        Schulman (2020), Approximating KL Divergence.
    """
    gap = policy - reference
    if estimator == "k1":
        return gap
    if estimator == "k2":
        return gap.square() / 2
    return gap.abs() if estimator == "abs" else k3((-gap).clamp(-WIDEST, WIDEST))


def token_rewards(
    scores: Tensor, divergence: Tensor, mask: Tensor, coefficient: float, clip: tuple[float, float] | None = None
) -> Tensor:
    """Token rewards: minus the cost of each token's divergence, and the score at the last token.

    r_t = −c KL_t,   and + clip(score) where t is the last token of the response

    Args:
        scores: [R] scores of whole responses.
        divergence: [R, T] divergence from the reference per token, nats.
        mask: [R, T] bool, the tokens that the policy wrote.
        coefficient: c.
        clip: smallest and largest score that counts.

    Returns:
        [R, T]; 0 where the mask is false.

    Example:
        >>> both = torch.ones(1, 2, dtype=torch.bool)
        >>> token_rewards(torch.tensor([2.0]), torch.tensor([[1.0, 0.5]]), both, 0.1)
        tensor([[-0.1000,  1.9500]])

    Reference:
        Ziegler et al. (2019), Fine-Tuning Language Models from Human Preferences, eq. 2.
    """
    places = torch.arange(mask.shape[-1], device=mask.device)
    last = torch.where(mask, places, -1).amax(-1, keepdim=True)
    held = scores if clip is None else scores.clamp(*clip)
    costs = torch.where(mask, -coefficient * divergence, 0.0)
    return costs + torch.where(mask & (places == last), held.unsqueeze(-1).to(costs.dtype), 0.0)


def return_to_go(rewards: Tensor, mask: Tensor, gamma: float = 1.0) -> Tensor:
    """The discounted sum of the rewards from each token on.

    G_t = r_t + γ G_{t+1}   over the tokens of the mask

    Args:
        rewards: [R, T].
        mask: [R, T] bool.
        gamma: discount γ.

    Returns:
        [R, T]; 0 where the mask is false.

    Example:
        >>> return_to_go(torch.tensor([[1.0, 2.0]]), torch.ones(1, 2, dtype=torch.bool), 0.5)
        tensor([[2., 2.]])
    """
    return gae(rewards, torch.zeros_like(rewards), mask, gamma=gamma, lam=1.0)


def gae(rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float = 1.0, lam: float = 0.95) -> Tensor:
    """Generalised advantage estimates; the returns are these plus the values.

    A_t = δ_t + γ λ A_{t+1},   δ_t = r_t + γ V_{t+1} − V_t,   V after the last token = 0

    Tokens outside the mask (padding, a tool's words) are stepped over: "next" is the next token of the mask.

    Args:
        rewards: [R, T].
        values: [R, T] value of the state before each token.
        mask: [R, T] bool.
        gamma: discount γ.
        lam: λ; 1 gives the return minus the value, 0 the one-step error δ.

    Returns:
        [R, T]; 0 where the mask is false.

    Example:
        >>> one = torch.ones(1, 2, dtype=torch.bool)
        >>> gae(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.25]]), one, lam=0.0)
        tensor([[-0.2500,  0.7500]])

    Reference:
        Schulman, Moritz, Levine, Jordan, Abbeel (2016), High-Dimensional Continuous Control Using Generalized Advantage
        Estimation, eq. 16.
    """
    found = torch.zeros_like(rewards)
    beyond = rewards.new_zeros(rewards.shape[:-1])
    ahead = torch.zeros_like(beyond)
    for place in reversed(range(rewards.shape[-1])):
        inside = mask[..., place]
        error = rewards[..., place] + gamma * beyond - values[..., place]
        ahead = torch.where(inside, error + gamma * lam * ahead, ahead)
        beyond = torch.where(inside, values[..., place], beyond)
        found[..., place] = torch.where(inside, ahead, 0.0)
    return found


def whiten(values: Tensor, mask: Tensor, *, shift: bool = True, epsilon: float = 1e-8) -> Tensor:
    """Values with mean 0 and variance 1 over all tokens of the mask.

    w = (x − mean) / √(var + ε)   [+ mean without ``shift``],   var: unbiased

    Args:
        values: [R, T].
        mask: [R, T] bool; fewer than two tokens have variance 0.
        shift: False adds the mean back, as for rewards.
        epsilon: added to the variance.

    Returns:
        [R, T]; 0 where the mask is false.

    Example:
        >>> whiten(torch.tensor([[1.0, 3.0]]), torch.ones(1, 2, dtype=torch.bool))
        tensor([[-0.7071,  0.7071]])
    """
    inside = values[mask]
    if not len(inside):
        return torch.zeros_like(values)
    mean = inside.mean()
    variance = inside.var() if len(inside) > 1 else torch.zeros_like(mean)
    scaled = (values - mean) * torch.rsqrt(variance + epsilon)
    return torch.where(mask, scaled if shift else scaled + mean, 0.0)


def next_coefficient(coefficient: float, observed: float, *, target: float, horizon: float, samples: int) -> float:
    """The coefficient of the divergence after a batch: larger where the divergence is above its target.

    c ← c (1 + clip(KL / target − 1, ±0.2) · n / horizon)

    Args:
        coefficient: c so far.
        observed: mean divergence of whole responses, nats.
        target: the divergence aimed at, nats.
        horizon: number of responses in which a full error changes c by a fifth.
        samples: n, responses of the batch.

    Example:
        >>> round(next_coefficient(0.2, 3.0, target=6.0, horizon=10_000, samples=256), 6)
        0.198976

    Reference:
        Ziegler et al. (2019), Fine-Tuning Language Models from Human Preferences, section 2.2.
    """
    error = min(max(observed / target - 1, -0.2), 0.2)
    return coefficient * (1 + error * samples / horizon)
