"""Roll-ins: how many tokens of a given response a sample begins with (DR-PO)."""

from __future__ import annotations

import random

__all__ = ["draw_roll_in", "roll_in_shares"]


def roll_in_shares(length: int, share: float) -> list[float]:
    """The probability of each roll-in length from 0 to L − 1.

    P(0) = 1 − share,   P(k) = share / (L − 1) for k = 1 … L − 1;   P(0) = 1 where L < 2

    Args:
        length: L, tokens of the given response.
        share: of the samples that start from a roll-in.

    Example:
        >>> roll_in_shares(3, 0.5)
        [0.5, 0.25, 0.25]

    Reference:
        Chang et al. (2024), Dataset Reset Policy Optimization for RLHF, algorithm 1, as in its published code.
    """
    if length < 2:
        return [1.0] + [0.0] * (length - 1)
    return [1 - share] + [share / (length - 1)] * (length - 1)


def draw_roll_in(length: int, share: float, rng: random.Random) -> int:
    """A roll-in length, drawn by `roll_in_shares`.

    Args:
        length: tokens of the given response.
        share: of the samples that start from a roll-in.
        rng: the source of randomness.

    Example:
        >>> draw_roll_in(1, 1.0, random.Random(0))
        0
    """
    if length < 2 or rng.random() >= share:
        return 0
    return rng.randint(1, length - 1)
