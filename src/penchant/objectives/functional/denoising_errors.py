"""Denoising errors, and the factor between them and log-likelihoods: log-likelihood = −h · error, up to a constant."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["HALF", "mean_error"]

#: The factor h of the evidence lower bound: log-likelihood = −h · error.
HALF = 0.5


def mean_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of each sample over all its elements, in float32 or wider.

    error = (1 / D) Σ_d (prediction_d − target_d)²

    Args:
        prediction: [N, ...] output of the network.
        target: [N, ...] its regression target.

    Returns:
        [N].

    Example:
        >>> mean_error(torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 1.0]]))
        tensor([2.])
    """
    wide = torch.promote_types(prediction.dtype, torch.float32)
    return (prediction.to(wide) - target.to(wide)).square().flatten(1).mean(1)
