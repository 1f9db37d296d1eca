"""Embeddings fitted to a relevance matrix, and the smallest dimension in which they separate it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import normalize

from penchant.errors import ConfigurationError
from penchant.evaluation.retrieval.margins import margin, margin_bound
from penchant.objectives.functional.retrieval import (
    MultiPositive,
    info_nce_loss,
    sigmoid_retrieval_loss,
    soft_margin_loss,
)

__all__ = ["SEARCH", "Fit", "fit_embeddings", "smallest_dimension"]

RetrievalLoss = Literal["sigmoid", "info-nce", "soft-margin"]


@dataclass(frozen=True)
class Fit:
    """How free embeddings of queries and items are fitted.

    Args:
        loss: ``sigmoid``, ``info-nce``, or ``soft-margin``, which looks for the largest margin itself.
        steps: number of Adam steps on all pairs.
        learning_rate: of the embeddings, which are made unit vectors in every step.
        temperature: scale of the cosines.
        growth: factor by which the temperature has grown at the last step.
        bias: of the sigmoid loss; with 0 the threshold is a cosine of 0.
        learned: learn temperature and bias, starting from the given ones.
        denominator: of InfoNCE with several positives.
        seed: of the random start.

    Raises:
        ConfigurationError: an unknown loss or denominator, or a number that is not above 0.
    """

    loss: RetrievalLoss = "sigmoid"
    steps: int = 300
    learning_rate: float = 0.05
    temperature: float = 20.0
    growth: float = 1.0
    bias: float = 0.0
    learned: bool = False
    denominator: MultiPositive = "negatives"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in get_args(RetrievalLoss) or self.denominator not in ("negatives", "all"):
            raise ConfigurationError(
                f"The loss is {self.loss!r} with the denominator {self.denominator!r}.",
                fix=f"Losses are {', '.join(get_args(RetrievalLoss))}; denominators negatives and all.",
            )
        if min(self.steps, self.learning_rate, self.temperature, self.growth) <= 0:
            raise ConfigurationError("Steps, learning rate, temperature and its growth are above 0.")

    def value(self, scores: Tensor, relevance: Tensor, temperature: Tensor, bias: Tensor) -> Tensor:
        """The loss of scores [queries, items], a scalar."""
        if self.loss == "sigmoid":
            return sigmoid_retrieval_loss(scores, relevance, temperature, bias)
        if self.loss == "soft-margin":
            return soft_margin_loss(scores, relevance, temperature)
        return info_nce_loss(scores, relevance, temperature, denominator=self.denominator)


def fit_embeddings(relevance: Tensor, dimension: int, fit: Fit | None = None) -> tuple[Tensor, Tensor]:
    """Unit embeddings of queries and items, fitted to a relevance matrix.

    Args:
        relevance: [queries, items], 1 where an item is relevant.
        dimension: length of the embeddings, at least 1.
        fit: how they are fitted.

    Returns:
        Queries [queries, dimension] and items [items, dimension]; the random state of torch is not touched.

    Example:
        >>> queries, items = fit_embeddings(torch.eye(4), 3, SEARCH)
        >>> round(margin(queries @ items.T, torch.eye(4)), 2)
        0.33
    """
    if dimension < 1:
        raise ConfigurationError(f"The dimension is {dimension}, expected at least 1.")
    fit = fit or Fit()
    generator = torch.Generator().manual_seed(fit.seed)
    free = [torch.randn(count, dimension, generator=generator).requires_grad_() for count in relevance.shape]
    dials = [torch.tensor(fit.temperature).log(), torch.tensor(fit.bias)]
    learned = [each.requires_grad_() for each in dials] if fit.learned else []
    optimizer = torch.optim.Adam([*free, *learned], lr=fit.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, fit.steps)
    for step in range(fit.steps):
        queries, items = (normalize(each, dim=1) for each in free)
        loss = fit.value(queries @ items.T, relevance, dials[0].exp() * fit.growth ** (step / fit.steps), dials[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    queries, items = (normalize(each.detach(), dim=1) for each in free)
    return queries, items


#: How `smallest_dimension` looks for a margin.
SEARCH = Fit("soft-margin", temperature=10.0, growth=20.0)


def smallest_dimension(
    relevance: Tensor, fit: Fit = SEARCH, *, least: float = 0.0, largest: int = 256, starts: int = 2
) -> int:
    """The smallest dimension in which fitted embeddings separate a relevance matrix with a margin at a cosine of 0.

    It is found by doubling and then halving the interval. The fit may miss a separation, so the result bounds the
    smallest dimension from above.

    Args:
        relevance: [queries, items], 1 where an item is relevant.
        fit: how embeddings are fitted.
        least: the margin must exceed it.
        largest: the largest dimension that is tried.
        starts: how many random starts must fail before a dimension counts as too small.

    Raises:
        ConfigurationError: not even ``largest`` separates it, or no embeddings at all could.

    Example:
        >>> smallest_dimension(torch.eye(4)), smallest_dimension(torch.eye(4), least=0.4)
        (3, 4)
    """
    if least >= (bound := margin_bound(relevance)):
        raise ConfigurationError(f"No embeddings of this matrix have a margin above {bound:.3g}, asked for {least:g}.")

    def separates(dimension: int) -> bool:
        for start in range(starts):
            queries, items = fit_embeddings(relevance, dimension, replace(fit, seed=fit.seed + 7919 * start))
            if margin(queries @ items.T, relevance) > least:
                return True
        return False

    low, high = 0, 1
    while not separates(high):
        if high >= largest:
            raise ConfigurationError(
                f"Embeddings of {largest} dimensions do not separate the relevance matrix of shape "
                f"{tuple(relevance.shape)}.",
                fix="Raise `largest`, or the steps of the fit.",
            )
        low, high = high, min(2 * high, largest)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if separates(middle) else (middle, high)
    return high
