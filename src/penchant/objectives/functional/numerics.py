"""Numerically stable primitives: masked sums, logarithms near their poles, bounded exponentials."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

__all__ = [
    "WIDEST",
    "bounded_exp",
    "k3",
    "log1mexp",
    "log_odds",
    "logsigmoid",
    "masked_mean",
    "masked_sum",
    "over_expm1",
    "wide_dtype",
]

#: The largest exponent of a ratio: exp(20) = 5e8 is far beyond any clip, and its square is still finite.
WIDEST = 20.0


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype for sums over tokens: at least float32.

    Example:
        >>> wide_dtype(torch.bfloat16), wide_dtype(torch.float64)
        (torch.float32, torch.float64)
    """
    return torch.promote_types(dtype, torch.float32)


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum over the unmasked entries of the last dimension.

    sum = Σ_t [mask_t] values_t

    Masked entries may hold any value (infinities, NaN); they affect neither value nor gradient.

    Args:
        values: [R, T], any unit.
        mask: [R, T] bool.

    Returns:
        [R], in float32 or wider.

    Example:
        >>> masked_sum(torch.tensor([[1.0, float("nan"), 2.0]]), torch.tensor([[True, False, True]]))
        tensor([3.])
    """
    # `where`, not a product: 0 · NaN is NaN, in the value and in the gradient.
    return torch.where(mask, values, 0.0).sum(dim=-1, dtype=wide_dtype(values.dtype))


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the unmasked entries of the last dimension; 0 if there are none.

    mean = Σ_t [mask_t] values_t / max(1, Σ_t [mask_t])

    Args:
        values: [R, T], any unit.
        mask: [R, T] bool.

    Returns:
        [R], in float32 or wider.

    Example:
        >>> masked_mean(torch.tensor([[1.0, 3.0], [5.0, 7.0]]), torch.tensor([[True, True], [False, False]]))
        tensor([2., 0.])
    """
    return masked_sum(values, mask) / mask.sum(dim=-1).clamp(min=1)


def bounded_exp(values: Tensor) -> Tensor:
    """The exponential, continued by its tangent above 50, so that value and gradient stay finite and nonzero.

    f(x) = eˣ for x ≤ 50,   e⁵⁰ (1 + x − 50) beyond

    Args:
        values: any shape.

    Returns:
        The same shape; positive, increasing, convex, and finite with its gradient to far beyond 1e4 in float32.

    Example:
        >>> bounded_exp(torch.tensor([0.0, 1.0, 1e4])).isfinite()
        tensor([True, True, True])
    """
    held = values.clamp(max=50.0)
    # The second factor is 1 where nothing is clamped; elsewhere its gradient replaces the one that the clamp removes.
    return held.exp() * (1 + (values - held))


def log1mexp(log_probability: Tensor) -> Tensor:
    """Logarithm of 1 − p, given log p.

    log1mexp(x) = log(1 − eˣ),   x ≤ 0

    Accurate to machine precision on both sides of x = −log 2. At x = 0, where the true value is −∞, the argument is
    clamped to one machine epsilon below 0, so value and gradient stay finite.

    Args:
        log_probability: any shape, nats, at most 0.

    Returns:
        The same shape, nats, at most 0.

    Example:
        >>> log1mexp(torch.tensor([math.log(0.25)], dtype=torch.float64)).exp()
        tensor([0.7500], dtype=torch.float64)

    Reference:
        Mächler (2012), Accurately computing log(1 − exp(−|a|)).
    """
    bounded = log_probability.clamp(max=-torch.finfo(log_probability.dtype).eps)
    near = bounded > -math.log(2.0)
    # Each branch gets only arguments that are safe for it; otherwise the branch not taken makes the gradient NaN.
    close = torch.log(-torch.expm1(torch.where(near, bounded, -1.0)))
    far = torch.log1p(-torch.exp(torch.where(near, -1.0, bounded)))
    return torch.where(near, close, far)


def log_odds(log_probability: Tensor) -> Tensor:
    """Log-odds of p, given log p.

    o(a) = log(p / (1 − p)) = a − log(1 − eᵃ),   a = log p ≤ 0,   do/da = 1 / (1 − p)

    The inverse of log σ. At a = 0, where the true value is ∞, it is bounded like `log1mexp`.

    Args:
        log_probability: any shape, nats, at most 0; for a mean over tokens, p is their geometric mean.

    Returns:
        The same shape, nats, any sign.

    Example:
        >>> log_odds(torch.tensor([math.log(0.75)])), math.log(3)
        (tensor([1.0986]), 1.0986122886681098)

    Reference:
        Hong, Lee, Thorne (2024), ORPO: Monolithic Preference Optimization without Reference Model, eq. 4.
    """
    return log_probability - log1mexp(log_probability)


def k3(gap: Tensor) -> Tensor:
    """The k3 estimator of the KL divergence from one sample; it is never negative.

    k3 = exp(d) − d − 1,   d = log π_ref − log π

    Its expectation over samples of π is KL(π ‖ π_ref). The exponent is clamped at 20.

    Args:
        gap: d, any shape, nats.

    Returns:
        The same shape, at least 0; 0 only at d = 0.

    Example:
        >>> k3(torch.tensor([0.0, math.log(2.0)]))
        tensor([0.0000, 0.3069])

    Reference:
        Schulman (2020), Approximating KL Divergence.
    """
    return gap.clamp(max=WIDEST).expm1() - gap


def over_expm1(values: Tensor) -> Tensor:
    """The function φ(u) = u / (eᵘ − 1), stable for all u.

    φ(u) = u / (eᵘ − 1),   φ(0) = 1,   φ'(0) = −1/2

    Args:
        values: any shape.

    Returns:
        The same shape; positive, decreasing, and finite with its gradient at ±1e4.

    Example:
        >>> over_expm1(torch.tensor([0.0, 1e4], dtype=torch.float64))
        tensor([1., 0.], dtype=torch.float64)
    """
    small = values.abs() < 1e-2
    # Each branch gets only arguments that are safe for it; the exponential is of −|u|, so nothing overflows.
    series = torch.where(small, values, 0.0)
    close = 1 - series / 2 + series**2 / 12 - series**4 / 720
    safe = torch.where(small, 1.0, values)
    size = safe.abs()
    far = size * torch.exp(-safe.clamp(min=0)) / -torch.expm1(-size)
    return torch.where(small, close, far)
