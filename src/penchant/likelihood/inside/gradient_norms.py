"""Norms of the gradients of response log-probabilities."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

__all__ = ["gradient_norms"]


def gradient_norms(logps: Tensor, parameters: Iterable[nn.Parameter]) -> Tensor:
    """The Euclidean norm of each log-probability's gradient over all trainable parameters.

    norm_r = |∇_θ log π(y_r|x)|

    Exact and slow: one backward pass per response, with the graph retained. Every process must have the full parameters
    (DDP, adapters; not FSDP).

    Args:
        logps: [R] summed log-probabilities, nats, with their graph.
        parameters: parameters of the model; those that do not require gradients are ignored.

    Returns:
        [R] float32 without gradient.

    Example:
        >>> weight = nn.Parameter(torch.tensor([3.0, 4.0]))
        >>> gradient_norms((weight * weight).sum()[None] / 2, [weight])
        tensor([5.])
    """
    trained = [each for each in parameters if each.requires_grad]
    norms = []
    for logp in logps:
        found = torch.autograd.grad(logp, trained, retain_graph=True, allow_unused=True) if trained else ()
        squares = [each.float().square().sum() for each in found if each is not None]
        norms.append(torch.stack(squares).sum().sqrt() if squares else logps.new_zeros(()))
    return torch.stack(norms).detach() if norms else logps.new_zeros(0)
