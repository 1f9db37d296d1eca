"""`Reading`: which statistics of tokens a loss reads, and what is foreseen of their gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Order", "Reading"]


@dataclass(frozen=True)
class Order:
    """K tokens in an order in which those that are treated alike stand together.

    Args:
        places: [K] the tokens in their order; None for the order in which they stand.
        measured: the statistics of so many of the first are read.
        moved: of these, the first so many have statistics with a gradient, as foreseen.
        cancels: see `Reading`.
    """

    places: Tensor | None
    measured: int
    moved: int
    cancels: bool = False


@dataclass(frozen=True)
class Reading:
    """Which statistics of K tokens are read. What is foreseen of gradients only saves work: no result depends on it.

    Args:
        measured: [K] the tokens whose statistics are read, the others have 0 there; None for all.
        moved: [K] the tokens whose statistics are foreseen to have a gradient; None for all that are read.
        cancels: whether log-probability and divergence of these tokens are foreseen to have the same gradient, which
            the policy's distribution has no part in.

    Example:
        >>> Reading(torch.tensor([False, True, True]), torch.tensor([False, False, True])).order(3)
        Order(places=tensor([2, 1, 0]), measured=2, moved=1, cancels=False)
    """

    measured: Tensor | None = None
    moved: Tensor | None = None
    cancels: bool = False

    def order(self, count: int) -> Order:
        """Those whose statistics move, then the other ones that are measured, then the rest.

        Args:
            count: K.
        """
        known = self.moved if self.measured is None else self.measured
        if known is None:
            return Order(None, count, count, self.cancels)
        measured = torch.ones_like(known) if self.measured is None else known
        moved = measured if self.moved is None else measured & self.moved
        parts = [each.nonzero().squeeze(-1) for each in (moved, measured & ~moved, ~measured)]
        return Order(torch.cat(parts), len(parts[0]) + len(parts[1]), len(parts[0]), self.cancels)
