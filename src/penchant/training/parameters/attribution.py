"""WAGLE: which weights matter for forgetting and not for what is kept."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.errors import ConfigurationError

__all__ = ["attribution", "top_share"]


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
    flat = torch.cat([each.flatten() for each in scores.values()])
    count = int(len(flat) * share)
    kept = torch.zeros(len(flat), dtype=torch.bool, device=flat.device)
    kept[flat.topk(count, sorted=False).indices] = True
    sizes = [each.numel() for each in scores.values()]
    return {name: part.view_as(each) for (name, each), part in zip(scores.items(), kept.split(sizes), strict=True)}
