"""`Tally`: means kept as (sum, count) pairs, so that no average of averages is taken."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["ROUNDING", "Reduce", "Tally", "win"]

# Rewards that differ by less count as equal: a cached reference is computed in other batches, with other rounding.
ROUNDING = 1e-4

Reduce = Callable[[Tensor], Tensor]


class Tally:
    """Named (sum, count) pairs.

    Example:
        >>> tally = Tally()
        >>> tally.add("loss", torch.tensor([1.0, 2.0])); tally.add("loss", torch.tensor([6.0]))
        >>> tally.means()
        {'loss': 3.0}
    """

    def __init__(self) -> None:
        self._pairs: dict[str, Tensor] = {}

    def add(self, name: str, values: Tensor, counted: Tensor | None = None) -> None:
        """Add values [B]; those with ``counted`` 0 are ignored."""
        values = values.detach().double()
        counted = torch.ones_like(values) if counted is None else counted.to(values.dtype)
        # ``where`` and not a product, so that an ignored NaN does not spread.
        pair = torch.stack([torch.where(counted > 0, values * counted, 0.0).sum(), counted.sum()])
        self._pairs[name] = self._pairs[name] + pair if name in self._pairs else pair

    def add_ratio(self, name: str, numerator: float, denominator: float) -> None:
        """Add to a mean from a sum and a count."""
        pair = torch.tensor([float(numerator), float(denominator)], dtype=torch.double)
        self._pairs[name] = self._pairs[name] + pair if name in self._pairs else pair

    def means(self, reduce: Reduce | None = None) -> dict[str, float]:
        """The mean of each name; over all processes if ``reduce`` sums a tensor over them."""
        if not self._pairs:
            return {}
        names = sorted(self._pairs)
        table = torch.stack([self._pairs[name].cpu() for name in names])
        if reduce is not None:
            table = reduce(table)
        return {name: float(row[0] / row[1]) for name, row in zip(names, table, strict=True) if row[1] > 0}

    def clear(self) -> None:
        """Remove everything."""
        self._pairs.clear()


def win(margin: Tensor) -> Tensor:
    """1 for a positive margin, 0 for a negative one, one half for zero up to rounding.

    Args:
        margin: of any shape, nats.

    Example:
        >>> win(torch.tensor([0.5, -0.5, 0.0, 1e-7]))
        tensor([1.0000, 0.0000, 0.5000, 0.5000])
    """
    return torch.where(margin.abs() <= ROUNDING, 0.5, (margin > 0).float())
