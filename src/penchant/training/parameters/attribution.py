"""WAGLE: which weights matter for forgetting and not for what is kept."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.errors import ConfigurationError

__all__ = ["at_least", "attribution", "top_share"]


def attribution(weights: Tensor, forget_gradient: Tensor, retain_gradient: Tensor, mu: float) -> Tensor:
    """The attribution of each weight of a tensor.

    a = |(θ − g_R / μ) g_F|

    Args:
        weights: θ.
        forget_gradient: g_F, the gradient of the NLL of the forget set.
        retain_gradient: g_R, that of the retain set.
        mu: diagonal of the retain loss's Hessian, μ > 0; large values give |θ g_F|.

    Returns:
        A tensor of the same shape, at least 0.

    Raises:
        ConfigurationError: μ is not above 0.

    Example:
        >>> attribution(torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([0.5]), mu=1.0)
        tensor([1.])

    Reference:
        Jia et al. (2024), WAGLE: Strategic Weight Attribution for Effective and Modular Unlearning, arXiv:2410.17509.
    """
    if not mu > 0:
        raise ConfigurationError(f"The curvature μ is {mu}.", where="mu", fix="Give a number above 0.")
    return ((weights - retain_gradient / mu) * forget_gradient).abs()


def top_share(scores: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """The weights of the highest scores over all tensors together.

    Args:
        scores: by tensor.
        share: the share of weights that are kept, in (0, 1].

    Returns:
        A boolean mask per tensor; exactly the share of all weights, rounded down, is True.

    Raises:
        ConfigurationError: the share is outside (0, 1].

    Example:
        >>> top_share({"a": torch.tensor([1.0, 4.0]), "b": torch.tensor([2.0, 3.0])}, 0.5)
        {'a': tensor([False,  True]), 'b': tensor([False,  True])}
    """
    if not 0 < share <= 1:
        raise ConfigurationError(
            f"The share of weights that move is {share}.", where="ratio", fix="Give a number above 0, at most 1."
        )
    count = int(sum(each.numel() for each in scores.values()) * share)
    bar = _threshold(list(scores.values()), count)
    masks = {name: _order(each) > bar for name, each in scores.items()}
    left = count - sum(int(each.sum()) for each in masks.values())
    for name, each in scores.items():  # of equal scores the first ones are kept
        if left > 0:
            equal = (_order(each) == bar).flatten().nonzero().flatten()[:left]
            masks[name].view(-1)[equal] = True
            left -= len(equal)
    return masks


def at_least(scores: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """The weights whose score is at least the ``count``-th largest over all tensors together, and above 0.

    Args:
        scores: by tensor, at least 0; -1 where a weight is not to be chosen.
        count: how many; equal scores at the bar are all chosen.

    Example:
        >>> at_least({"a": torch.tensor([1.0, 4.0]), "b": torch.tensor([2.0, -1.0])}, 2)
        {'a': tensor([False,  True]), 'b': tensor([ True, False])}
    """
    if count < 1:
        return {name: torch.zeros_like(each, dtype=torch.bool) for name, each in scores.items()}
    # Orders of scores above 0 are at least 1.
    bar = max(_threshold(list(scores.values()), count), 1)
    return {name: _order(each) >= bar for name, each in scores.items()}


def _order(scores: Tensor) -> Tensor:
    """Integers in the order of numbers that are at least 0: their bits, without a copy."""
    if scores.dtype == torch.float64:
        return scores.contiguous().view(torch.int64)
    return scores.float().contiguous().view(torch.int32)


def _threshold(scores: list[Tensor], count: int) -> int:
    """The ``count``-th largest score as an integer of `_order`, by bisection; sorting would take a copy of all."""
    low, high = -1, max(int(_order(each).max()) for each in scores if each.numel())
    while high - low > 1:
        middle = (low + high) // 2
        if sum(int((_order(each) > middle).sum()) for each in scores) >= count:
            low = middle
        else:
            high = middle
    return high
