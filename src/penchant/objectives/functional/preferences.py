"""Preference probabilities from scores, and win rates from preference probabilities."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["bradley_terry", "win_rates"]


def bradley_terry(scores: Tensor) -> Tensor:
    """Bradley-Terry probability that each response is preferred to each other one.

    P_ij = σ(s_i − s_j)

    Args:
        scores: [..., K] one score per response, logits; only differences matter.

    Returns:
        [..., K, K] in [0, 1], with P_ij + P_ji = 1 and P_ii = 1/2.

    Example:
        >>> bradley_terry(torch.tensor([0.0, 0.0]))
        tensor([[0.5000, 0.5000],
                [0.5000, 0.5000]])

    Reference:
        Bradley and Terry (1952), Rank Analysis of Incomplete Block Designs.
    """
    return torch.sigmoid(scores.unsqueeze(-1) - scores.unsqueeze(-2))


def win_rates(probabilities: Tensor) -> Tensor:
    """The mean probability that each response beats the K candidates, including itself (1/2).

    w_i = (1 / K) Σ_j P_ij

    Args:
        probabilities: [..., K, K] with P_ij the probability that i is preferred to j.

    Returns:
        [..., K] in [0, 1].

    Example:
        >>> win_rates(torch.tensor([[0.5, 0.9], [0.1, 0.5]]))
        tensor([0.7000, 0.3000])

    Reference:
        Wu et al. (2024), Self-Play Preference Optimization for Language Model Alignment, section 4.
    """
    return probabilities.mean(dim=-1)
