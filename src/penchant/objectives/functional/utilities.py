"""KTO's value of single responses relative to a reference point."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.objectives.functional.class_weights import ClassWeight, known_weight

__all__ = ["kahneman_tversky"]


def kahneman_tversky(
    gain: Tensor, label: Tensor, beta: float, desirable: ClassWeight, undesirable: ClassWeight
) -> Tensor:
    """λ (1 − σ(±β g)) of each response, with + and λ_D if it is desirable, − and λ_U if not.

    Args:
        gain: [R] log-ratio minus reference point, nats.
        label: [R], above 0.5 for desirable responses.
        beta: slope β of the value function, per nat.
        desirable: weight λ_D.
        undesirable: weight λ_U.

    Returns:
        [R] in (0, λ).

    Raises:
        ConfigurationError: a weight is ``auto``, and no run has replaced it.

    Example:
        >>> kahneman_tversky(torch.zeros(2), torch.tensor([1.0, 0.0]), 0.1, 1.0, 2.0)
        tensor([0.5000, 1.0000])
    """
    strength = beta * gain
    liked, disliked = known_weight(desirable), known_weight(undesirable)
    # 1 − σ(s) = σ(−s), which stays precise when σ(s) is close to 1.
    return torch.where(label > 0.5, liked * torch.sigmoid(-strength), disliked * torch.sigmoid(strength))
