"""`RunningSoftmax`: sums under softmax(logits) of rows whose columns come in tiles."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["RunningSoftmax"]


class RunningSoftmax:
    """Sums under softmax(logits), [rows, V], from tiles of its columns; no table of all columns exists.

    Each tile has a softmax of its own, and log Σ exp of its logits. After a further tile, what was summed before counts
    exp(old − new), and the tile exp(own − new).

    Args:
        rows: their number.
        tiles: number of tiles of a row.
        like: a tensor on the device.
        weight: [V, D] the values whose mean under each distribution is wanted, or None.

    Attributes:
        log_sum: [rows, 1] log Σ exp(logit) so far.
        logs: [rows, tiles] the same of each tile.
        token: [rows, 1] the logit of each row's token.
        gap: [rows, 1] the mean gap so far.
        means: [rows, D] the mean weight so far, or None.

    Reference:
        Milakov, Gimelshein (2018), Online normalizer calculation for softmax, arXiv:1805.02867.

    Example:
        >>> running, logits = RunningSoftmax(1, 2, torch.ones(1)), torch.tensor([[1.0, 3.0, 2.0]])
        >>> nowhere = [torch.zeros(1, 1, dtype=torch.long)] * 2
        >>> for number, tile in enumerate((logits[:, :1], logits[:, 1:])):
        ...     running.add(slice(0, 1), number, tile.clone(), nowhere)
        >>> torch.allclose(running.log_sum, logits.logsumexp(-1, keepdim=True))
        True
        >>> round(running.shares.exp().sum().item(), 4)
        1.0
    """

    def __init__(self, rows: int, tiles: int, like: Tensor, weight: Tensor | None = None) -> None:
        def table(width: int, value: float = 0.0) -> Tensor:
            return like.new_full((rows, width), value, dtype=torch.float32)

        self.log_sum, self.logs = table(1, -torch.inf), table(tiles)
        self.token, self.gap = table(1), table(1)
        self.means = None if weight is None else table(weight.shape[-1])

    @property
    def shares(self) -> Tensor:
        """[rows, tiles] the logarithm of each tile's part of a row's distribution."""
        return self.logs - self.log_sum

    def add(
        self,
        rows: slice,
        tile: int,
        logits: Tensor,
        ids: Sequence[Tensor],
        weight: Tensor | None = None,
        gaps: Tensor | None = None,
    ) -> None:
        """Add a tile of some rows.

        Args:
            rows: which.
            tile: its number.
            logits: [r, width], overwritten with the tile's own softmax.
            ids: [r, 1] the place of each row's token in the tile, and whether it is there.
            weight: [width, D] the values of these columns.
            gaps: [r, width] what is averaged into ``gap``, overwritten.
        """
        self.token[rows] = torch.where(ids[1].bool(), logits.gather(-1, ids[0]), self.token[rows])
        top, probs = logits.amax(-1, keepdim=True), logits
        torch.softmax(logits, -1, out=probs)
        # The largest probability is at least 1 / width, so its logarithm is exact.
        own = top - probs.amax(-1, keepdim=True).log()
        if bool((empty := top == -torch.inf).any()):  # no token of the tile can be chosen
            own = torch.where(empty, top, own)
            probs.masked_fill_(empty, 0.0)
        total = torch.logaddexp(self.log_sum[rows], own)
        before, share = (_part(each, total) for each in (self.log_sum[rows], own))
        self.log_sum[rows], self.logs[rows, tile] = total, own.squeeze(-1)
        if gaps is not None:
            self.gap[rows] = self.gap[rows] * before + gaps.mul_(probs).sum(-1, keepdim=True) * share
        if weight is not None and self.means is not None:
            self.means[rows] = self.means[rows] * before + (probs.to(weight.dtype) @ weight) * share


def _part(log: Tensor, total: Tensor) -> Tensor:
    """exp(log − total), 0 for a sum of nothing."""
    return (log - total).exp().masked_fill_(log == -torch.inf, 0.0)
