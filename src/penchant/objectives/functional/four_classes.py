"""Pairs labelled left, right, both good or both bad: probabilities from scores, and values of the classes."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["CLASSES", "class_log_probabilities", "class_values", "swapped_classes"]

#: The classes in the order of their numbers.
CLASSES = ("left", "right", "both_good", "both_bad")


def class_log_probabilities(
    left: Tensor, right: Tensor, tie_threshold: Tensor | float, bias: Tensor | float, temperature: Tensor | float = 1.0
) -> Tensor:
    """Log-probabilities of the four classes from one score of each side.

    P(left) = σ(s − η),   P(right) = σ(−s − η),   s = s_L − s_R
    P(both good) = (1 − P(left) − P(right)) σ(((s_L + s_R) / 2 − b) / T),   P(both bad): the rest

    1 − P(left) − P(right) = (e^{2η} − 1) σ(s − η) σ(−s − η), so the logarithms are exact for any scores. Without
    a split it is the model of Rao and Kupper, Bradley-Terry with ties.

    Args:
        left: [B] scores s_L.
        right: [B] scores s_R.
        tie_threshold: η, at least 0; with 0 there is no tie, and its logarithm is −∞.
        bias: b, the mean score at which both good and both bad are equally likely.
        temperature: T, greater than 0.

    Returns:
        [B, 4] nats, in the order of `CLASSES`.

    Example:
        >>> class_log_probabilities(torch.zeros(1), torch.zeros(1), 1.0986123, 0.0).exp()
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])

    Reference:
        Rao and Kupper (1967), Ties in Paired-Comparison Experiments: A Generalization of the Bradley-Terry Model.
    """
    gap = left - right
    threshold = torch.as_tensor(tie_threshold, dtype=gap.dtype, device=gap.device)
    win, loss = logsigmoid(gap - threshold), logsigmoid(-gap - threshold)
    both = torch.log(torch.expm1(2 * threshold)) + win + loss
    quality = ((left + right) / 2 - bias) / temperature
    return torch.stack([win, loss, both + logsigmoid(quality), both + logsigmoid(-quality)], dim=-1)


def swapped_classes(values: Tensor) -> Tensor:
    """The same four values with the sides exchanged: left and right change places.

    Args:
        values: [..., 4].

    Example:
        >>> swapped_classes(torch.tensor([1, 2, 3, 4]))
        tensor([2, 1, 3, 4])
    """
    return values[..., [1, 0, 2, 3]]


def class_values(log_probabilities: Tensor, values: Tensor) -> Tensor:
    """The expected value of the left response, from the value of each class.

    Σ_k P_k v_k

    Args:
        log_probabilities: [..., 4] nats.
        values: [4] of left, right, both good, both bad.

    Example:
        >>> class_values(torch.full((4,), 0.25).log(), torch.tensor([1.0, -1.0, 0.5, -0.5]))
        tensor(0.)
    """
    return (log_probabilities.exp() * values).sum(dim=-1)
