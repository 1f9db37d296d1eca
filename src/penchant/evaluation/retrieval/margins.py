"""Margins of embeddings: how clearly they separate relevant from irrelevant items, and how clearly any could."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import reconstruction

__all__ = ["EVIDENCE", "best_threshold", "margin", "margin_bound", "sparse_dimension"]

EVIDENCE = reconstruction("Definitions are those of the abstract; temperature, bias and optimizer are our choice.")


def margin(scores: Tensor, relevance: Tensor, *, threshold: float = 0.0, quantile: float = 0.0) -> float:
    """The distance of the cosines from the threshold on the right side of it: positive if all pairs are separated.

    m = min over (j, i) of (2 A_ji − 1) (s_ji − threshold)

    Args:
        scores: cosines of unit embeddings, [queries, items].
        relevance: A, 1 or True where an item is relevant, [queries, items].
        threshold: cosine at which relevant and irrelevant items part.
        quantile: the share of pairs that may be worse, in [0, 1); 0 is the margin itself.

    Returns:
        At most 1 at the threshold 0.

    Raises:
        ConfigurationError: shapes differ, there is no pair, or the quantile is outside [0, 1).

    Example:
        >>> margin(torch.eye(3), torch.eye(3)), margin(torch.eye(3), torch.eye(3), threshold=0.5)
        (0.0, 0.5)

    Reference:
        Is Dimensionality a Barrier for Retrieval Models? (2026), arXiv:2605.23556.
    """
    _check(scores, relevance)
    if not 0 <= quantile < 1:
        raise ConfigurationError(f"The quantile is {quantile:g}, expected a number in [0, 1).")
    distances = (2 * relevance.to(scores.dtype) - 1) * (scores - threshold)
    return float(torch.quantile(distances.flatten(), quantile) if quantile else distances.min()) + 0.0


def best_threshold(scores: Tensor, relevance: Tensor) -> float:
    """The threshold of the largest margin: half-way from the best irrelevant to the worst relevant cosine.

    Args:
        scores: see `margin`.
        relevance: see `margin`; there is a relevant and an irrelevant pair.

    Example:
        >>> best_threshold(torch.eye(3), torch.eye(3))
        0.5
    """
    _check(scores, relevance)
    relevant = relevance.bool()
    if relevant.all() or not relevant.any():
        raise ConfigurationError("All pairs are relevant, or none is, so there is nothing to separate.")
    return float((scores[relevant].min() + scores[~relevant].max()) / 2)


def margin_bound(relevance: Tensor, *, weights: int = 19) -> float:
    """A margin that no unit embeddings of a relevance matrix exceed at the threshold 0, in any dimension.

    m ≤ √(N n) ‖W ∘ S‖   for all weights W ≥ 0 of sum 1,   S = 2A − 1, ‖·‖ the spectral norm

    since m ≤ Σ W_ji S_ji ⟨U_j, V_i⟩ = tr(Uᵀ (W ∘ S) V) ≤ ‖U‖_F ‖V‖_F ‖W ∘ S‖.

    Args:
        relevance: A, [N queries, n items].
        weights: how many shares of W for the relevant pairs are tried; the smallest bound counts.

    Returns:
        At most 1.

    Example:
        >>> round(margin_bound(torch.eye(2)), 6), round(margin_bound(torch.eye(64)), 2)
        (1.0, 0.36)

    Reference:
        Forster (2002), A linear lower bound on the unbounded error probabilistic communication complexity (uniform W).
    """
    relevant = relevance.bool()
    if relevance.dim() != 2 or not relevant.numel():
        raise ConfigurationError(f"The relevance matrix has the shape {tuple(relevance.shape)}, expected [N, n].")
    positives, count = int(relevant.sum()), relevant.numel()
    shares = [step / (weights + 1) for step in range(1, weights + 1)] if 0 < positives < count else []
    found = 1.0
    for share in [positives / count, *shares]:
        own, other = share / max(positives, 1), (1 - share) / max(count - positives, 1)
        signed = torch.where(relevant, own, -other).double()
        found = min(found, math.sqrt(count) * float(torch.linalg.matrix_norm(signed, ord=2)))
    return found


def sparse_dimension(items: int, positives: int) -> float:
    """k log(n / k), up to a constant the dimension that separates all rows with k of n items relevant.

    The margin of the best embeddings is of the order k^−½ there, and margins are nearly kept in the dimension
    log(n) / margin².

    Args:
        items: n, above ``positives``.
        positives: k, at least 1.

    Raises:
        ConfigurationError: k is not in [1, n).

    Example:
        >>> round(sparse_dimension(64, 2), 2)
        6.93
    """
    if not 1 <= positives < items:
        raise ConfigurationError(f"There are {positives} positives of {items} items, expected from 1 to {items - 1}.")
    return positives * math.log(items / positives)


def _check(scores: Tensor, relevance: Tensor) -> None:
    if scores.shape != relevance.shape or not scores.numel():
        raise ConfigurationError(
            f"The scores have the shape {tuple(scores.shape)}, the relevance {tuple(relevance.shape)}, expected the "
            "same [queries, items]."
        )
