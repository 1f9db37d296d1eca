"""States of several modalities, changed to train on them: attacked along the gradient, or mixed with others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

__all__ = ["attacked", "mixed", "shares"]


def attacked(
    states: Sequence[Tensor], loss: Callable[[list[Tensor]], Tensor], epsilon: float, steps: int = 5
) -> list[Tensor]:
    """The states moved to where a loss is larger, by projected gradient steps.

    δ_m ← clip(δ_m + (ε / steps) g_m / ‖g_m‖, ±2ε),   g_m = ∂ loss / ∂ x_m at x + δ, from δ = 0

    Each modality moves by its own gradient. The moved states keep the gradient of the given ones.

    Args:
        states: for each modality [B, D].
        loss: from states to a loss of each example, [B].
        epsilon: the length ε that the steps have together.
        steps: how many.

    Returns:
        For each modality [B, D].

    Example:
        >>> [moved] = attacked([torch.zeros(1, 2)], lambda found: found[0] @ torch.tensor([3.0, 4.0]), epsilon=1.0)
        >>> moved
        tensor([[0.6000, 0.8000]])

    Reference:
        Yang, Lu, Wang, Wei, Hu (2024), Quantifying and Enhancing Multi-modal Robustness with Modality Preference,
        arXiv:2402.06244; five steps as in the published code.
    """
    changes = [torch.zeros_like(each) for each in states]
    for _step in range(steps):
        places = [(each.detach() + change).requires_grad_() for each, change in zip(states, changes, strict=True)]
        slopes = torch.autograd.grad(loss(places).sum(), places)
        for change, slope in zip(changes, slopes, strict=True):
            length = slope.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(slope.dtype).tiny)
            change.add_(slope / length, alpha=epsilon / steps).clamp_(-2 * epsilon, 2 * epsilon)
    return [each + change for each, change in zip(states, changes, strict=True)]


def shares(size: int, like: Tensor) -> Tensor:
    """The share λ of each example's own states in a mixture, [B]: the places ½, 3⁄2, … of the batch over its size.

    Published mixup draws them from [0, 1]; these are spread over it evenly, so that a step has one loss.

    Args:
        size: B.
        like: a tensor of the wanted type and device.

    Example:
        >>> shares(2, torch.zeros(()))
        tensor([0.2500, 0.7500])
    """
    return (torch.arange(size, dtype=like.dtype, device=like.device) + 0.5) / size


def mixed(states: Sequence[Tensor], own: Tensor) -> list[Tensor]:
    """The states mixed with those of the next example; the last one's partner is the first.

    λ_i x_i + (1 − λ_i) x_{i+1}

    Args:
        states: for each modality [B, D].
        own: [B] the shares λ, see `shares`.

    Example:
        >>> mixed([torch.tensor([[0.0], [4.0]])], torch.tensor([0.25, 0.75]))
        [tensor([[3.],
                [3.]])]

    Reference:
        Zhang, Cisse, Dauphin, Lopez-Paz (2018), mixup: Beyond Empirical Risk Minimization, arXiv:1710.09412.
    """
    share = own.unsqueeze(-1)
    return [share.to(each.dtype) * each + (1 - share.to(each.dtype)) * each.roll(-1, dims=0) for each in states]
