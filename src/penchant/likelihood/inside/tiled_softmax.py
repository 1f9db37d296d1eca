"""`TiledSoftmax`: sums under softmax(logits) of rows whose columns come in tiles."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["TiledSoftmax", "token_places", "within"]


class TiledSoftmax:
    """Sums under softmax(logits), [rows, V], from tiles of its columns; no table of all columns exists.

    Each tile has a softmax of its own, and log Σ exp of its logits; a sum counts the sums of the tiles by their shares
    once all are there. The mean weight alone is summed as tiles come: after a further one, what was summed before
    counts exp(old − new), and the tile exp(own − new).

    Args:
        ids: [rows] the token of each row.
        vocabulary: V.
        width: columns of a tile; the last one may have fewer.
        weight: [V, D] the values whose mean under each distribution is wanted, or None.

    Attributes:
        means: [rows, D] the mean weight so far, or None.

    Reference:
        Milakov, Gimelshein (2018), Online normalizer calculation for softmax, arXiv:1805.02867.

    Example:
        >>> logits = torch.tensor([[1.0, 3.0, 2.0]])
        >>> softmax = TiledSoftmax(torch.tensor([2]), vocabulary=3, width=2)
        >>> for number, tile in enumerate((logits[:, :2], logits[:, 2:])):
        ...     softmax.add(slice(0, 1), number, tile, torch.empty_like(tile))
        >>> torch.allclose(softmax.log_sum, logits.logsumexp(-1)), softmax.token
        (True, tensor([2.]))
        >>> round(softmax.shares.exp().sum().item(), 4)
        1.0
    """

    def __init__(self, ids: Tensor, vocabulary: int, width: int, weight: Tensor | None = None) -> None:
        tiles = -(-vocabulary // width)

        def table(value: float = 0.0) -> Tensor:
            return ids.new_full((tiles, len(ids)), value, dtype=torch.float32)

        self.tops, self.peaks, self.tokens, self.gaps = table(), table(1.0), table(), table()
        self.tiles, self.places = token_places(ids, width)
        self.means = None
        if weight is not None:
            self.means = ids.new_zeros((len(ids), weight.shape[-1]), dtype=torch.float32)
            self.summed = ids.new_full((len(ids), 1), -torch.inf, dtype=torch.float32)

    @property
    def logs(self) -> Tensor:
        """[tiles, rows] log Σ exp of the logits of each tile; −∞ where no token of a tile can be chosen."""
        # The largest probability of a tile is at least 1 / width, so its logarithm is exact.
        return torch.where(self.tops == -torch.inf, self.tops, self.tops - self.peaks.log())

    @property
    def log_sum(self) -> Tensor:
        """[rows] log Σ exp(logit)."""
        return self.logs.logsumexp(0)

    @property
    def shares(self) -> Tensor:
        """[tiles, rows] the logarithm of each tile's part of a row's distribution."""
        return self.logs - self.log_sum

    @property
    def token(self) -> Tensor:
        """[rows] the logit of each row's token."""
        return self.tokens.gather(0, self.tiles[None]).squeeze(0)

    @property
    def gap(self) -> Tensor:
        """[rows] the mean gap."""
        return (self.gaps.masked_fill(self.tops == -torch.inf, 0.0) * self.shares.exp()).sum(0)

    def add(
        self,
        rows: slice,
        tile: int,
        logits: Tensor,
        probs: Tensor,
        weight: Tensor | None = None,
        gaps: Tensor | None = None,
    ) -> None:
        """Add a tile of some rows.

        Args:
            rows: which.
            tile: its number.
            logits: [r, width].
            probs: [r, width], overwritten with the tile's own softmax; may be the logits.
            weight: [width, D] the values of these columns.
            gaps: [r, width] what is averaged into ``gap``, overwritten.
        """
        places = within(self.places[rows], logits)
        torch.gather(logits, -1, places, out=self.tokens[tile, rows, None])
        torch.amax(logits, -1, out=self.tops[tile, rows])
        torch.softmax(logits, -1, out=probs)
        torch.amax(probs, -1, out=self.peaks[tile, rows])
        if gaps is not None:
            torch.sum(gaps.mul_(probs), -1, out=self.gaps[tile, rows])
        if weight is not None and self.means is not None:
            self._add_mean(rows, tile, probs, weight)

    def _add_mean(self, rows: slice, tile: int, probs: Tensor, weight: Tensor) -> None:
        """Add a tile's part of the mean weight, from its own softmax."""
        assert self.means is not None
        top = self.tops[tile, rows, None]
        empty = top == -torch.inf
        own = torch.where(empty, top, top - self.peaks[tile, rows, None].log())
        total = torch.logaddexp(self.summed[rows], own)
        before, share = (_part(each, total) for each in (self.summed[rows], own))
        mean = (probs.to(weight.dtype) @ weight).float().masked_fill_(empty, 0.0)
        self.means[rows] = self.means[rows] * before + mean * share
        self.summed[rows] = total


def token_places(ids: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """[rows] the tile in which each row's token stands, and [rows, 1] its place there.

    Args:
        ids: [rows] tokens.
        width: columns of a tile.

    Example:
        >>> tile, place = token_places(torch.tensor([0, 5]), 4)
        >>> tile.tolist(), place.tolist()
        ([0, 1], [[0], [1]])
    """
    return ids // width, (ids % width)[:, None]


def within(places: Tensor, table: Tensor) -> Tensor:
    """Places of tokens that a table has; those of other tiles may lie beyond the last column of a narrow one."""
    return places.clamp(max=table.shape[-1] - 1)


def _part(log: Tensor, total: Tensor) -> Tensor:
    """exp(log − total), 0 for a sum of nothing."""
    return (log - total).exp().masked_fill_(log == -torch.inf, 0.0)
