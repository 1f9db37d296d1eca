"""Clipping of the gradients of everything that is trained: the policy's, and the objective's own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_

__all__ = ["clip_together", "norm_together"]


def norm_together(norm: Tensor, own: Sequence[nn.Parameter]) -> Tensor:
    """The norm of a whole step's gradient.

    Args:
        norm: that of the policy's gradient, over all processes.
        own: parameters of the objective, whose gradients every process holds whole.

    Example:
        >>> head = nn.Parameter(torch.zeros(1))
        >>> head.grad = torch.tensor([4.0])
        >>> norm_together(torch.tensor(3.0), [head])
        tensor(5.)
    """
    whole = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
    norms = [torch.linalg.vector_norm(each.grad).to(whole) for each in own if each.grad is not None]
    return torch.linalg.vector_norm(torch.stack([whole, *norms]))


def clip_together(norm: Tensor, policy: Sequence[nn.Parameter], own: Sequence[nn.Parameter], max_norm: float) -> Tensor:
    """Scale the gradients of policy and objective by one factor, so that their norm together is at most a bound.

    Args:
        norm: norm of the policy's gradient, over all processes.
        policy: its parameters.
        own: parameters of the objective.
        max_norm: the bound.

    Returns:
        The norm before, as `norm_together`.
    """
    total = norm_together(norm, own)
    for part in (policy, own):  # a sharded policy and a whole head do not scale in one call
        clip_grads_with_norm_(part, max_norm, total)
    return total
