"""Games between policies over a few responses: regularised values, mixtures, and the losses of learning in them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = [
    "best_reply",
    "duality_gap",
    "game_value",
    "geometric_mixture",
    "gradient_step",
    "nash_md_surrogate",
    "online_ipo",
]


def geometric_mixture(policy: Tensor, reference: Tensor, share: float) -> Tensor:
    """The log-linear mixture of two policies.

    log π_m = log softmax((1 − share) log π + share log π_ref)

    Args:
        policy: [..., n] log-probabilities or logits.
        reference: [..., n] the same.
        share: weight of the reference; below 0 it extrapolates away from it.

    Returns:
        [..., n] log-probabilities.

    Example:
        >>> geometric_mixture(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 9.0]), 0.0).exp()
        tensor([0.5000, 0.5000])

    Reference:
        Munos et al. (2023), Nash Learning from Human Feedback, section 5.
    """
    return ((1 - share) * policy.log_softmax(-1) + share * reference.log_softmax(-1)).log_softmax(-1)


def online_ipo(logits: Tensor, reference: Tensor, preference: Tensor, beta: float, opponent: Tensor) -> Tensor:
    """The online IPO loss of type 1, over all pairs of responses with equal weight.

    loss = (1 / n²) Σ_ij ((h_i − h_j) − (w_i − w_j) / β)²,   h = log π − log π_ref,   w = P · opponent

    Args:
        logits: [n] of the policy, with gradient.
        reference: [n] logits of the reference.
        preference: [n, n] P_ij, the probability that i beats j.
        beta: weight of the divergence from the reference.
        opponent: [n] log-probabilities whose samples the responses are compared with; no gradient is taken in it.

    Returns:
        A scalar.

    Example:
        >>> even = torch.full((2, 2), 0.5)
        >>> online_ipo(torch.zeros(2), torch.zeros(2), even, 0.1, torch.full((2,), 0.5).log())
        tensor(0.)

    Reference:
        Zhou, Fazel, Du (2025), Extragradient Preference Optimization.
    """
    rates = preference @ opponent.detach().exp()
    left = logits.log_softmax(-1) - reference.log_softmax(-1) - rates / beta
    return (left.unsqueeze(-1) - left.unsqueeze(-2)).square().mean()


def nash_md_surrogate(logits: Tensor, reference: Tensor, preference: Tensor, beta: float, opponent: Tensor) -> Tensor:
    """The policy-gradient surrogate of Nash-MD with exact expectations.

    loss = −Σ_y [π(y) (P(y ≻ opponent) − β (log π − log π_ref)(y))] log π(y),   what is in brackets without gradient

    Args: as `online_ipo`.

    Returns:
        A scalar.

    Example:
        >>> even = torch.full((2, 2), 0.5)
        >>> nash_md_surrogate(torch.zeros(2), torch.zeros(2), even, 0.1, torch.full((2,), 0.5).log())
        tensor(0.3466)

    Reference:
        Munos et al. (2023), Nash Learning from Human Feedback, section 7.
    """
    logp = logits.log_softmax(-1)
    rates = preference @ opponent.detach().exp()
    weight = (logp.exp() * (rates - beta * (logp - reference.log_softmax(-1)))).detach()
    return -(weight * logp).sum()


def game_value(first: Tensor, second: Tensor, reference: Tensor, preference: Tensor, beta: float) -> Tensor:
    """The value of the regularised game for the first player.

    V(a, b) = Σ_ij a_i P_ij b_j − β KL(a ‖ π_ref) + β KL(b ‖ π_ref)

    Args:
        first, second, reference: [n] log-probabilities.
        preference: [n, n] P_ij, the probability that i beats j.
        beta: weight of the divergences.

    Returns:
        A scalar; ½ where both play the same.

    Example:
        >>> half = torch.tensor([0.5, 0.5]).log()
        >>> game_value(half, half, half, torch.tensor([[0.5, 0.9], [0.1, 0.5]]), 0.1)
        tensor(0.5000)

    Reference:
        Munos et al. (2023), Nash Learning from Human Feedback, section 3.
    """
    a, b = first.exp(), second.exp()
    apart = [(own * torch.where(own > 0, log - reference, 0.0)).sum() for own, log in ((a, first), (b, second))]
    return a @ preference @ b - beta * apart[0] + beta * apart[1]


def best_reply(opponent: Tensor, reference: Tensor, preference: Tensor, beta: float) -> Tensor:
    """The policy with the highest value against an opponent.

    π ∝ π_ref exp(P · opponent / β)

    Args:
        opponent, reference: [n] log-probabilities.
        preference: [n, n] P_ij, the probability that i beats j.
        beta: weight of the divergence, above 0.

    Returns:
        [n] log-probabilities.

    Example:
        >>> half = torch.tensor([0.5, 0.5]).log()
        >>> best_reply(half, half, torch.full((2, 2), 0.5), 0.1).exp()
        tensor([0.5000, 0.5000])

    Reference:
        Munos et al. (2023), Nash Learning from Human Feedback, section 4.
    """
    return (reference + preference @ opponent.exp() / beta).log_softmax(-1)


def duality_gap(policy: Tensor, reference: Tensor, preference: Tensor, beta: float) -> Tensor:
    """How far a policy is from the equilibrium of the regularised game.

    gap = max_a V(a, π) − min_b V(π, b)

    Args:
        policy, reference: [n] log-probabilities.
        preference: [n, n] P_ij with P_ij + P_ji = 1.
        beta: weight of the divergences, above 0.

    Returns:
        A scalar of at least 0; 0 at the equilibrium alone.

    Example:
        >>> half = torch.tensor([0.5, 0.5]).log()
        >>> duality_gap(half, half, torch.full((2, 2), 0.5), 0.1)
        tensor(0.)

    Reference:
        Zhou, Fazel, Du (2025), Extragradient Preference Optimization.
    """
    reply = best_reply(policy, reference, preference, beta)
    above = game_value(reply, policy, reference, preference, beta)
    return above - game_value(policy, reply, reference, preference, beta)


def gradient_step(
    logits: Tensor, loss: Callable[[Tensor, Tensor], Tensor], rate: float, *, extragradient: bool = False
) -> Tensor:
    """One step of gradient descent on a loss whose opponents are drawn from a policy.

    θ' = θ − rate ∇ loss(θ, opponents of θ),   extragradient: θ − rate ∇ loss(θ, opponents of θ')

    Args:
        logits: [n] θ.
        loss: from the logits that the gradient is taken in, and those that the opponents are drawn from, to a scalar.
        rate: learning rate.
        extragradient: look one step ahead, and take the real step from θ with the opponents found there.

    Returns:
        [n] without gradient.

    Example:
        >>> gradient_step(torch.tensor([1.0]), lambda own, other: (own * other).sum(), 0.5, extragradient=True)
        tensor([0.7500])

    Reference:
        Zhou, Fazel, Du (2025), Extragradient Preference Optimization, algorithm 1.
    """

    def descended(opponents: Tensor) -> Tensor:
        leaf = logits.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(leaf, opponents.detach()), leaf)
        return (leaf - rate * slope).detach()

    ahead = descended(logits)
    return descended(ahead) if extragradient else ahead
