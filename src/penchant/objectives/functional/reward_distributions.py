"""Heads that predict a distribution of the reward: quantiles, a Gaussian, or bins."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "categorical_loss",
    "categorical_preference",
    "categorical_spread",
    "expected_value",
    "gaussian_loss",
    "gaussian_preference",
    "pinball",
    "quantile_levels",
    "quantile_preference",
]


def quantile_levels(count: int) -> Tensor:
    """The levels of evenly spaced quantiles.

    τ_q = q / (Q + 1),   q = 1 … Q

    Args:
        count: Q.

    Example:
        >>> quantile_levels(3)
        tensor([0.2500, 0.5000, 0.7500])
    """
    return torch.arange(1, count + 1) / (count + 1)


def pinball(labels: Tensor, quantiles: Tensor, levels: Tensor) -> Tensor:
    """The loss whose minimum is the quantile of a level.

    loss_q = (τ_q − [u < 0]) u,   u = label − prediction

    Args:
        labels: [...] the observed rewards.
        quantiles: [..., Q] the predicted ones.
        levels: [Q] τ, in (0, 1).

    Returns:
        [..., Q], at least 0; at τ = ½ half the absolute error.

    Example:
        >>> pinball(torch.tensor([1.0]), torch.tensor([[0.0, 3.0]]), torch.tensor([0.5, 0.9]))
        tensor([[0.5000, 0.2000]])

    Reference:
        Koenker and Bassett (1978), Regression Quantiles.
    """
    error = labels.unsqueeze(-1) - quantiles
    return torch.maximum(levels * error, (levels - 1) * error)


def quantile_preference(first: Tensor, second: Tensor) -> Tensor:
    """The probability that a reward is higher than another one, both given by quantiles.

    P = (1 / Q²) Σ_ij ([q_i > q'_j] + ½ [q_i = q'_j])

    Args:
        first: [..., Q] quantiles at evenly spaced levels.
        second: [..., Q] those of the other response.

    Returns:
        [...] in [0, 1]; the two orders sum to 1.

    Example:
        >>> quantile_preference(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 2.0]))
        tensor(0.5000)
    """
    gap = first.unsqueeze(-1) - second.unsqueeze(-2)
    return (0.5 + 0.5 * gap.sign()).mean(dim=(-2, -1))


def gaussian_loss(mean: Tensor, log_variance: Tensor, labels: Tensor, eps: float = 1e-6) -> Tensor:
    """Half the negative log-likelihood of a Gaussian, up to its constant, times two.

    loss = ½ [log v + (label − μ)² / v],   v = max(e^(log v), ε)

    Args:
        mean: [...] μ.
        log_variance: [...] log v.
        labels: [...] the observed rewards.
        eps: the smallest variance.

    Returns:
        [...], nats up to the constant ½ log 2π.

    Example:
        >>> gaussian_loss(torch.tensor(1.0), torch.tensor(0.0), torch.tensor(3.0))
        tensor(2.)

    Reference:
        Nix and Weigend (1994), Estimating the Mean and Variance of the Target Probability Distribution.
    """
    held = log_variance.clamp(min=math.log(eps))
    return 0.5 * (held + (labels - mean).square() * torch.exp(-held))


def gaussian_preference(difference: Tensor, variance: Tensor) -> Tensor:
    """The probability that a reward is higher than another one, both Gaussian.

    P = Φ((μ_a − μ_b) / √(v_a + v_b))

    Args:
        difference: [...] of the means.
        variance: [...] the sum of the two variances.

    Returns:
        [...] in [0, 1].

    Example:
        >>> gaussian_preference(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0]))
        tensor([0.5000, 0.8413])
    """
    return torch.special.ndtr(difference / variance.sqrt())


def expected_value(logits: Tensor, values: Tensor) -> Tensor:
    """The mean of a distribution over bins.

    r = Σ_b value_b softmax(logits)_b

    Args:
        logits: [..., bins].
        values: [bins] what each bin stands for.

    Returns:
        [...].

    Example:
        >>> expected_value(torch.zeros(3), torch.tensor([0.0, 1.0, 5.0]))
        tensor(2.)
    """
    return (logits.softmax(dim=-1) * values).sum(dim=-1)


def categorical_loss(logits: Tensor, labels: Tensor, values: Tensor) -> Tensor:
    """Cross-entropy to a label that is shared by the two bins around it.

    loss = −Σ_b p_b log softmax(logits)_b

    Args:
        logits: [..., bins].
        labels: [...]; beyond the outer bins they count as those.
        values: [bins] what each bin stands for, ascending.

    Returns:
        [...], nats.

    Example:
        >>> categorical_loss(torch.zeros(1, 2), torch.tensor([0.25]), torch.tensor([0.0, 1.0]))
        tensor([0.6931])
    """
    held = labels.clamp(values[0], values[-1])
    upper = torch.searchsorted(values, held.contiguous(), right=True).clamp(1, len(values) - 1)
    below, above = values[upper - 1], values[upper]
    share = ((held - below) / (above - below)).unsqueeze(-1)
    logp = logits.log_softmax(dim=-1)
    low = logp.gather(-1, (upper - 1).unsqueeze(-1))
    high = logp.gather(-1, upper.unsqueeze(-1))
    return -((1 - share) * low + share * high).squeeze(-1)


def categorical_spread(logits: Tensor, values: Tensor) -> Tensor:
    """The standard deviation of a distribution over bins.

    Args:
        logits: [..., bins].
        values: [bins] what each bin stands for.

    Returns:
        [...], at least 0.

    Example:
        >>> categorical_spread(torch.zeros(2), torch.tensor([0.0, 4.0]))
        tensor(2.)
    """
    apart = values - expected_value(logits, values).unsqueeze(-1)
    return (logits.softmax(dim=-1) * apart.square()).sum(dim=-1).sqrt()


def categorical_preference(first: Tensor, second: Tensor) -> Tensor:
    """The probability that a value is higher than another one, both given by distributions over the same bins.

    P = Σ_ij q_i q'_j ([i > j] + ½ [i = j])

    Args:
        first: [..., bins] logits, of ascending bins.
        second: [..., bins] those of the other response.

    Returns:
        [...] in [0, 1]; the two orders sum to 1.

    Example:
        >>> categorical_preference(torch.zeros(2), torch.tensor([0.0, -torch.inf]))
        tensor(0.7500)
    """
    own, other = first.softmax(dim=-1), second.softmax(dim=-1)
    below = other.cumsum(dim=-1) - 0.5 * other
    return (own * below).sum(dim=-1)
