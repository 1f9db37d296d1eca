"""KTO's value of single responses relative to a reference point."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["kahneman_tversky"]


def kahneman_tversky(gain: Tensor, label: Tensor, beta: float, desirable: float, undesirable: float) -> Tensor:
    """λ (1 − σ(±β g)) of each response, with + and λ_D if it is desirable, − and λ_U if not.

    Args:
        gain: [R] log-ratio minus reference point, nats.
        label: [R], above 0.5 for desirable responses.
        beta: slope β of the value function, per nat.
        desirable: weight λ_D.
        undesirable: weight λ_U.

    Returns:
        [R] in (0, λ).

    Example:
        >>> kahneman_tversky(torch.zeros(2), torch.tensor([1.0, 0.0]), 0.1, 1.0, 2.0)
        tensor([0.5000, 1.0000])
    """
    strength = beta * gain
    # 1 − σ(s) = σ(−s), which stays precise when σ(s) is close to 1.
    return torch.where(label > 0.5, desirable * torch.sigmoid(-strength), undesirable * torch.sigmoid(strength))
