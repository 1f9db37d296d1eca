"""Draws that are hashes of numbers: the same whole and in parts, on one device and on several, and after resuming."""

from __future__ import annotations

from torch import Tensor

__all__ = ["GOLDEN", "scrambled", "signed"]

# The finalizer "lowbias32" of C. Wellons, Prospecting for Hash Functions (2018); constants as signed 32-bit numbers.
FIRST, SECOND = 0x7FEB352D, 0x846CA68B - 2**32
#: A multiplier that spreads small numbers over all 32-bit ones.
GOLDEN = 0x9E3779B9 - 2**32


def scrambled(numbers: Tensor) -> Tensor:
    """A hash of each number, uniform over all 32-bit numbers.

    Args:
        numbers: int32.

    Example:
        >>> import torch
        >>> scrambled(torch.tensor([0, 1, 2], dtype=torch.int32)).tolist()
        [0, 1753845952, -787275391]
    """
    mixed = (numbers ^ ((numbers >> 16) & 0xFFFF)) * FIRST
    mixed = (mixed ^ ((mixed >> 15) & 0x1FFFF)) * SECOND
    return mixed ^ ((mixed >> 16) & 0xFFFF)


def signed(number: int) -> int:
    """A 32-bit number as a signed one.

    Args:
        number: from 0 to 2³² − 1.
    """
    return number - 2**32 if number >= 2**31 else number
