"""`Trees`, trees of three binary steps with noisy values at their leaves."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Trees"]


@dataclass(frozen=True)
class Trees:
    """Trees of eight leaves.

    Args:
        prompt: [trees] the prompt that each tree answers.
        options: [trees, 8, 3] the option at each step on the way to a leaf.
        values: [trees, 8] the noisy value of each leaf.
    """

    prompt: Tensor
    options: Tensor
    values: Tensor
