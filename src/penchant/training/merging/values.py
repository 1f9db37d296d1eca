"""`Values`: the numbers of one tensor, read part by part, and what is made of them on the way."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from penchant.training.merging.selection import Selection, select_largest

__all__ = ["PART", "Difference", "Dropped", "Trimmed", "Values", "Whole", "inner_products"]

#: Numbers in one part: 8 MB in float32.
PART = 2**21


class Values(ABC):
    """The numbers of a tensor in their stored order, in parts of `PART` numbers; float32, or float64 if stored so.

    Args:
        size: how many numbers.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    @abstractmethod
    def parts(self) -> Iterator[Tensor]:
        """All numbers from the first to the last; every call begins again."""

    def whole(self) -> Tensor:
        """[size] all numbers at once."""
        return torch.cat([torch.zeros(0), *self.parts()])


class Whole(Values):
    """The numbers of a tensor in memory.

    Args:
        tensor: of any shape.
    """

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(tensor.numel())
        wide = tensor if tensor.dtype == torch.float64 else tensor.float()
        self._numbers = wide.reshape(-1)

    def parts(self) -> Iterator[Tensor]:
        """See `Values.parts`."""
        yield from self._numbers.split(PART)


class Difference(Values):
    """A task vector: a tuned tensor minus that of the model it started from.

    Args:
        tuned: the numbers after tuning.
        base: those before.
    """

    def __init__(self, tuned: Values, base: Values) -> None:
        super().__init__(tuned.size)
        self._tuned, self._base = tuned, base

    def parts(self) -> Iterator[Tensor]:
        """See `Values.parts`."""
        for tuned, base in zip(self._tuned.parts(), self._base.parts(), strict=True):
            yield tuned - base


class Trimmed(Values):
    """The largest numbers in magnitude, the others as zero. Of equal magnitudes the later ones are kept.

    Args:
        values: the numbers.
        density: share of them that is kept: floor(density · size).
    """

    def __init__(self, values: Values, density: float) -> None:
        super().__init__(values.size)
        self._values, self._kept = values, int(density * values.size)
        self._selection: Selection | None = None

    def parts(self) -> Iterator[Tensor]:
        """See `Values.parts`."""
        if self._kept == self.size:
            yield from self._values.parts()
            return
        if self._selection is None:
            self._selection = select_largest(self._values.parts, self._kept)
        yield from self._selection.applied(self._values.parts())


class Dropped(Values):
    """Numbers dropped at random and the others divided by the share that stays (DARE, arXiv 2311.03099, section 3.2).

    Args:
        values: the numbers.
        density: probability that a number stays.
        seed: of the draws.
        name: of the tensor and its model, so that each has draws of its own.
    """

    def __init__(self, values: Values, density: float, seed: int, name: str) -> None:
        super().__init__(values.size)
        self._values, self._density = values, density
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        self._seed = int.from_bytes(digest[:8], "big") >> 1

    def parts(self) -> Iterator[Tensor]:
        """See `Values.parts`."""
        if self._density == 1.0:
            yield from self._values.parts()
            return
        draws = torch.Generator().manual_seed(self._seed)
        for part in self._values.parts():
            stays = torch.rand(part.shape, generator=draws) < self._density
            yield part * stays / self._density


def inner_products(values: Sequence[Values]) -> Tensor:
    """[n, n] the inner products of n tensors with each other, in float64.

    Args:
        values: of equal size.

    Example:
        >>> inner_products([Whole(torch.tensor([1.0, 2.0])), Whole(torch.tensor([3.0, 0.0]))]).tolist()
        [[5.0, 3.0], [3.0, 9.0]]
    """
    found = torch.zeros(len(values), len(values), dtype=torch.float64)
    for parts in zip(*(each.parts() for each in values), strict=True):
        # Short rows at a time: a float64 copy of whole parts would be the largest thing in memory.
        for rows in zip(*(part.split(PART // 16) for part in parts), strict=True):
            table = torch.stack([row.double() for row in rows])
            found += table @ table.T
    return found
