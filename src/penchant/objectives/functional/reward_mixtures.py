"""Several rewards of one response as one: normalising, ensembles that distrust disagreement, weighted sums."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest

__all__ = ["Ensemble", "Order", "ensemble", "spread", "standardised", "weighted"]

Ensemble = Literal["mean", "worst", "uncertainty"]
Order = Literal["normalise_then_sum", "sum_then_normalise", "sum"]


def standardised(rewards: Tensor, eps: float = 1e-12) -> Tensor:
    """Rewards less their mean, divided by their population standard deviation; NaN stays NaN and counts for neither.

    Args:
        rewards: [..., N], each row on its own.
        eps: a smaller spread (N = 1, or equal rewards) leaves zeros.

    Example:
        >>> standardised(torch.tensor([1.0, 3.0])), standardised(torch.tensor([5.0]))
        (tensor([-1.,  1.]), tensor([0.]))
    """
    known = rewards.isfinite()
    count = known.sum(-1, keepdim=True).clamp(min=1)
    centred = rewards - torch.where(known, rewards, 0.0).sum(-1, keepdim=True) / count
    deviation = (torch.where(known, centred, 0.0).square().sum(-1, keepdim=True) / count).sqrt()
    scale = rewards.abs().nan_to_num(0.0).amax(-1, keepdim=True).clamp(min=1.0)
    flat = deviation <= eps * scale
    return torch.where(flat, centred * 0.0, centred / torch.where(flat, torch.ones_like(deviation), deviation))


def spread(members: Tensor) -> Tensor:
    """[...] the population standard deviation over the members [M, ...]: how much they disagree; 0 for one member."""
    return members.std(0, unbiased=False)


def ensemble(members: Tensor, how: str = "mean", coefficient: float = 1.0) -> Tensor:
    """One reward of several judges'.

    mean: mean_m r_m.   worst: min_m r_m.   uncertainty: mean_m r_m − k · std_m r_m   (population)

    Args:
        members: [M, ...] rewards on a common scale (`standardised`).
        how: one of `Ensemble`.
        coefficient: k.

    Returns:
        [...]; NaN where a member is NaN.

    Raises:
        ConfigurationError: there is no such way.

    Example:
        >>> scores = torch.tensor([[1.0], [3.0]])
        >>> [ensemble(scores, how).item() for how in ("mean", "worst", "uncertainty")]
        [2.0, 1.0, 1.0]

    Reference:
        Coste et al. (2023), Reward Model Ensembles Help Mitigate Overoptimization, arXiv:2310.02743.
    """
    if how == "mean":
        return members.mean(0)
    if how == "worst":
        return members.amin(0)
    if how == "uncertainty":
        return members.mean(0) - coefficient * spread(members)
    raise ConfigurationError(f"There is no ensemble {how!r}.", fix=nearest(how, get_args(Ensemble)))


def weighted(members: Tensor, weights: Tensor, order: str = "normalise_then_sum") -> Tensor:
    """A weighted sum of several judges' rewards, normalised over their last dimension.

    normalise_then_sum: Σ_m w_m z(r_m).   sum_then_normalise: z(Σ_m w_m r_m).   sum: Σ_m w_m r_m.   z is `standardised`

    Args:
        members: [M, ..., N] rewards.
        weights: [M].
        order: one of `Order`.

    Returns:
        [..., N].

    Raises:
        ConfigurationError: there is no such order.

    Example:
        >>> members = torch.tensor([[0.0, 2.0], [30.0, 10.0]])
        >>> [weighted(members, torch.tensor([2.0, 1.0]), order).tolist() for order in ("normalise_then_sum", "sum")]
        [[-1.0, 1.0], [30.0, 14.0]]
    """
    if order not in get_args(Order):
        raise ConfigurationError(f"There is no order {order!r}.", fix=nearest(order, get_args(Order)))
    summands = standardised(members) if order == "normalise_then_sum" else members
    total = torch.einsum("m,m...->...", weights.to(summands), summands)
    return standardised(total) if order == "sum_then_normalise" else total
