"""Selection of the largest numbers of a tensor that is read part by part, exact and without sorting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Selection", "select_largest"]

# The bit pattern of a number that is not negative grows with it, so its digits can be counted from the highest.
_DIGIT = 16


@dataclass(frozen=True)
class Selection:
    """Which magnitudes are kept.

    Args:
        threshold: bit pattern of the smallest magnitude that is kept.
        skipped: how many of the magnitudes equal to it are not, the first ones.
        nothing: keep none.
    """

    threshold: int
    skipped: int
    nothing: bool = False

    def applied(self, parts: Iterable[Tensor]) -> Iterator[Tensor]:
        """The parts with all other numbers as zero.

        Args:
            parts: the numbers in the order in which they were selected.
        """
        met = 0
        for part in parts:
            if self.nothing:
                yield torch.zeros_like(part)
                continue
            bits = _bits(part)
            kept = bits > self.threshold
            equal = bits == self.threshold
            if (here := int(equal.sum())) > 0:
                kept |= equal & (equal.cumsum(0) + met > self.skipped)
                met += here
            yield torch.where(kept, part, torch.zeros_like(part))


def select_largest(read: Callable[[], Iterable[Tensor]], count: int) -> Selection:
    """Select the numbers of largest magnitude; of equal magnitudes the last.

    The numbers are read once for every 16 bits that one has; memory holds a part and 65,536 counts.

    Args:
        read: gives all numbers, part by part, each time that it is called.
        count: how many to select.

    Example:
        >>> parts = [torch.tensor([3.0, 1.0]), torch.tensor([2.0, -3.0])]
        >>> [part.tolist() for part in select_largest(lambda: parts, 1).applied(parts)]
        [[0.0, 0.0], [0.0, -3.0]]
    """
    if count < 1:
        return Selection(0, 0, nothing=True)
    prefix, wanted, rest = 0, count, None
    while rest is None or rest > 0:
        counts = torch.zeros(2**_DIGIT, dtype=torch.int64)
        for part in read():
            bits = _bits(part)
            rest_of_all = 8 * part.element_size() if rest is None else rest
            own = bits if rest is None else bits[bits >> rest == prefix]
            counts += torch.bincount(own >> (rest_of_all - _DIGIT) & (2**_DIGIT - 1), minlength=2**_DIGIT)
        rest = rest_of_all - _DIGIT
        # How many have this digit or a higher one; the digit sought is the highest that reaches the wanted number.
        reached = counts.flip(0).cumsum(0).flip(0)
        digit = int((reached >= wanted).nonzero()[-1])
        wanted -= int(reached[digit] - counts[digit])
        prefix = prefix << _DIGIT | digit
    return Selection(prefix, int(counts[digit]) - wanted)


def _bits(numbers: Tensor) -> Tensor:
    """The bit patterns of the magnitudes."""
    return numbers.abs().view(torch.int64 if numbers.dtype == torch.float64 else torch.int32)
