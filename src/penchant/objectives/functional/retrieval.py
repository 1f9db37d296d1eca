"""Losses of dual encoders: InfoNCE, the sigmoid loss with temperature and bias, and a soft margin."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

__all__ = ["MultiPositive", "info_nce_loss", "sigmoid_retrieval_loss", "soft_margin_loss"]

#: What stands in the denominator of InfoNCE beside the positive itself: its query's negatives, or all other items.
MultiPositive = Literal["negatives", "all"]


def sigmoid_retrieval_loss(
    scores: Tensor, relevance: Tensor, temperature: float | Tensor = 10.0, bias: float | Tensor = 0.0
) -> Tensor:
    """Every pair of query and item is a binary decision of its own.

    loss = mean over (j, i) of log(1 + exp(−y_ji (t s_ji + b))),   y = 2A − 1

    Args:
        scores: s, cosines [queries, items].
        relevance: A, 1 or True where an item is relevant to a query, [queries, items].
        temperature: t, above 0; a number or a learned tensor.
        bias: b; 0 separates at a cosine of 0, a negative one starts where most pairs are irrelevant.

    Returns:
        A scalar, nats.

    Example:
        >>> sigmoid_retrieval_loss(torch.zeros(1, 2), torch.tensor([[1, 0]]))
        tensor(0.6931)

    Reference:
        Zhai et al. (2023), Sigmoid Loss for Language Image Pre-Training, arXiv:2303.15343. Is Dimensionality a Barrier
        for Retrieval Models? (2026), arXiv:2605.23556.
    """
    signs = 2 * relevance.to(scores.dtype) - 1
    return softplus(-signs * (temperature * scores + bias)).mean()


def info_nce_loss(
    scores: Tensor,
    relevance: Tensor,
    temperature: float | Tensor = 10.0,
    *,
    denominator: MultiPositive = "negatives",
) -> Tensor:
    """Each positive against other items of its query.

    loss = mean over positives (j, i) of −log(exp(t s_ji) / Σ_i' exp(t s_ji'))

    It does not change where a number is added to all scores of a query, so it cannot fix the threshold at which
    relevant and irrelevant items part.

    Args:
        scores: s, cosines [queries, items].
        relevance: A, 1 or True where an item is relevant to a query, [queries, items]; a query without a positive adds
            nothing.
        temperature: t, above 0.
        denominator: ``negatives``: the positive itself and the irrelevant items; ``all``: other positives stay in it.

    Returns:
        A scalar, nats; 0 without any positive.

    Example:
        >>> info_nce_loss(torch.zeros(1, 4), torch.tensor([[1, 1, 0, 0]]), denominator="all")
        tensor(1.3863)
        >>> info_nce_loss(torch.zeros(1, 4), torch.tensor([[1, 1, 0, 0]]))
        tensor(1.0986)

    Reference:
        van den Oord et al. (2018), Representation Learning with Contrastive Predictive Coding, arXiv:1807.03748.
    """
    relevant, scaled = relevance.bool(), temperature * scores
    if denominator == "all":
        losses = torch.logsumexp(scaled, dim=1, keepdim=True) - scaled
    else:
        others = torch.logsumexp(scaled.masked_fill(relevant, -torch.inf), dim=1, keepdim=True)
        losses = softplus(others - scaled)  # −log(e^s / (e^s + Σ e^other)); 0 where there are no others
    return losses[relevant].sum() / relevant.sum().clamp(min=1)


def soft_margin_loss(scores: Tensor, relevance: Tensor, temperature: float | Tensor = 10.0) -> Tensor:
    """The negative margin at a cosine of 0, with a soft minimum: the pair that is separated worst counts most.

    loss = log(Σ exp(−t y_ji s_ji)) / t,   y = 2A − 1;   for t → ∞ it is −min y s

    Args:
        scores: s, cosines [queries, items].
        relevance: A, 1 or True where an item is relevant to a query, [queries, items].
        temperature: t, above 0.

    Returns:
        A scalar; at least the negative margin, at most log(pairs) / t more.

    Example:
        >>> round(float(soft_margin_loss(torch.tensor([[0.5, -0.3]]), torch.tensor([[1, 0]]), 1000.0)), 3)
        -0.3
    """
    signs = 2 * relevance.to(scores.dtype) - 1
    return torch.logsumexp((-temperature * signs * scores).flatten(), dim=0) / temperature
