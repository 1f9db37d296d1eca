"""Ideal points of users in a space of preferences (PAL): points, distances, hinge losses, weights of tokens."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.numerics import wide_dtype

__all__ = [
    "MOST_SCALE",
    "TokenWeighting",
    "hinge",
    "mixed_points",
    "norm_excess",
    "scaled_cosines",
    "smooth_hinge",
    "to_points",
    "token_aggregate",
]

#: The largest factor of a cosine.
MOST_SCALE = 100.0

TokenWeighting = Literal["mean", "cumulative", "only_last"]


def mixed_points(logits: Tensor, prototypes: Tensor, temperature: float = 1.0) -> Tensor:
    """The ideal point of each user: a mixture of the prototypes that all users share.

    a_u = Σ_k w_k P_k,   w = softmax(logits_u / T)

    Args:
        logits: [B, K] of the users.
        prototypes: [K, D] shared, or [B, K, D] one set for each example (PAL-B: they depend on the prompt).
        temperature: T, greater than 0.

    Returns:
        [B, D].

    Example:
        >>> mixed_points(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0], [3.0]]))
        tensor([[2.]])

    Reference:
        Chen et al. (2024), PAL: Pluralistic Alignment Framework for Learning from Heterogeneous Preferences.
    """
    weights = torch.softmax(logits / temperature, dim=-1)
    return torch.einsum("bk,bkd->bd", weights, prototypes.expand(len(weights), *prototypes.shape[-2:]))


def to_points(items: Tensor, points: Tensor) -> Tensor:
    """The Euclidean distance of items from a point; without gradient where both are equal.

    Args:
        items: [..., D].
        points: [..., D].

    Returns:
        [...], at least 0; its negative is the reward of a response.

    Example:
        >>> to_points(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
        tensor([5.])
    """
    return torch.linalg.vector_norm(items - points, dim=-1)


def scaled_cosines(items: Tensor, points: Tensor, log_scale: Tensor | float) -> Tensor:
    """The cosine between items and a point, times a factor that is at most 100.

    s cos(f, a),   s = min(exp(t), 100)

    Args:
        items: [..., D].
        points: [..., D].
        log_scale: t.

    Returns:
        [...], in [−s, s]; 0 where one of the two vectors is 0.

    Example:
        >>> scaled_cosines(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 1.0]]), 0.0)
        tensor([0.7071])
    """
    scale = torch.as_tensor(log_scale, dtype=items.dtype, device=items.device).clamp(max=math.log(MOST_SCALE)).exp()
    return scale * torch.nn.functional.cosine_similarity(items, points, dim=-1, eps=torch.finfo(items.dtype).tiny)


def hinge(agreement: Tensor, margin: float = 1.0) -> Tensor:
    """The hinge loss.

    loss = max(0, m − q)

    Args:
        agreement: q, positive where the model orders the pair as its label does.
        margin: m.

    Returns:
        The same shape, at least 0.

    Example:
        >>> hinge(torch.tensor([0.25, 2.0]))
        tensor([0.7500, 0.0000])
    """
    return (margin - agreement).clamp(min=0)


def smooth_hinge(agreement: Tensor, margin: float = 1.0, width: float = 5.0) -> Tensor:
    """The hinge loss, quadratic over a width γ below its margin.

    loss = 0 if q ≥ m,   (m − q)² / (2γ) if m − γ ≤ q < m,   m − γ/2 − q otherwise

    Args:
        agreement: q, as for `hinge`.
        margin: m.
        width: γ, greater than 0.

    Returns:
        The same shape, at least 0; value and slope are continuous.

    Example:
        >>> smooth_hinge(torch.tensor([2.0, 0.5, -1.0]), width=0.5)
        tensor([0.0000, 0.2500, 1.7500])
    """
    missing = (margin - agreement).clamp(min=0)
    return torch.where(missing <= width, missing**2 / (2 * width), missing - width / 2)


def token_aggregate(losses: Tensor, first: Tensor, end: Tensor, weighting: TokenWeighting = "mean") -> Tensor:
    """One loss for each pair from the losses at its tokens, from the first that differs to the end of the longer text.

    mean: Σ_i ℓ_i / L,   cumulative: Σ_i i ℓ_i / (L (L + 1) / 2),   only_last: ℓ_L,   i = 1 … L = end − first

    Args:
        losses: [B, T] loss at each token.
        first: [B] the first token at which the texts differ.
        end: [B] one past the last token.
        weighting: which of the three.

    Returns:
        [B]; 0 where no token counts.

    Raises:
        ConfigurationError: there is no such weighting.

    Example:
        >>> two = torch.tensor([[9.0, 1.0, 4.0]])
        >>> [token_aggregate(two, torch.tensor([1]), torch.tensor([3]), name).item()
        ...  for name in ("mean", "cumulative", "only_last")]
        [2.5, 3.0, 4.0]
    """
    place = torch.arange(losses.shape[-1], device=losses.device) - first.unsqueeze(-1) + 1
    length = (end - first).unsqueeze(-1)
    counted = (place >= 1) & (place <= length)
    if weighting == "mean":
        weights = counted.to(losses.dtype)
    elif weighting == "cumulative":
        weights = torch.where(counted, place, 0).to(losses.dtype)
    elif weighting == "only_last":
        weights = (counted & (place == length)).to(losses.dtype)
    else:
        raise ConfigurationError(
            f"There is no weighting of tokens {weighting!r}.", fix="Expected mean, cumulative or only_last."
        )
    total = weights.sum(dim=-1)
    # Where nothing counts the losses may hold anything.
    sums = torch.where(weights > 0, losses * weights, 0.0).sum(dim=-1, dtype=wide_dtype(losses.dtype))
    return sums / torch.where(total > 0, total, 1.0)


def norm_excess(points: Tensor, bound: float) -> Tensor:
    """How far the norms of points exceed a bound, in total.

    Σ_k max(0, ‖P_k‖ − bound)

    Args:
        points: [K, D].
        bound: the largest norm that costs nothing.

    Returns:
        A number, at least 0.

    Example:
        >>> norm_excess(torch.tensor([[3.0, 4.0], [0.0, 0.5]]), 1.0)
        tensor(4.)
    """
    return (torch.linalg.vector_norm(points, dim=-1) - bound).clamp(min=0).sum()
