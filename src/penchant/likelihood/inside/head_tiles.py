"""`Tiles`, the tables of an output head in pieces that stay in a processor's caches, and what is read off them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.likelihood.inside.reading import Order
from penchant.likelihood.inside.tiled_softmax import TiledSoftmax, token_places, within

__all__ = ["TILE_ROWS", "OtherLogits", "Tiles", "write_logits"]

# On a CPU, what one operation writes is in the caches for the next one; products of this many rows run at full speed.
TILE_BYTES = 2**21
TILE_ROWS = 512
# Larger tables, of whole rows, are gone over in blocks of rows of this size.
BLOCK_BYTES = 2**21


@dataclass(frozen=True)
class OtherLogits:
    """The logits of another model at the same positions, computed whenever they are asked for.

    Args:
        write: writes those of some rows and columns into a float32 table, and returns it.
        by_columns: whether some columns cost less than all.
    """

    write: Callable[[slice | Tensor, slice, Tensor], Tensor]
    by_columns: bool

    def ordered(self, order: Tensor) -> OtherLogits:
        """The logits of some positions, in their order."""
        return OtherLogits(lambda rows, columns, table: self.write(order[rows], columns, table), self.by_columns)


class Tiles:
    """The work of `penchant.likelihood.inside.linear_head.LinearPass`, tile by tile of rows (positions) and columns.

    Args:
        hidden: [K, D], in the number type of the product.
        layer: weights [V, D], of the same type, and bias [V] or None.
        ids: [K] the tokens.
        reference: of the other model, or None.
        size: rows of a tile.
        keep: whether the distributions of the tiles are kept, each in memory of its own, but for those that backward
            is foreseen not to need.
        order: what the rows are, by their place; no tile goes on where they change.

    Attributes:
        kept: the kept distributions, by model (0 the policy, 1 the reference), first row and tile.
    """

    def __init__(
        self,
        hidden: Tensor,
        layer: tuple[Tensor, Tensor | None],
        ids: Tensor,
        reference: OtherLogits | None,
        size: int,
        keep: bool,
        order: Order,
    ) -> None:
        self.hidden, self.ids, self.reference = hidden, ids, reference
        self.weight, self.bias = layer
        self.keep, self.kept = keep, dict[tuple[int, int, int], Tensor]()
        self.size, self.order = max(1, size), order
        whole = hidden.is_cuda or not (reference is None or reference.by_columns)
        count = len(self.weight)
        self.width = count if whole else min(count, _columns(TILE_BYTES // (4 * self.size)))
        self._made: dict[str, Tensor] = {}

    def values(self, products: bool) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """What the tokens' distributions say.

        Args:
            products: whether the distributions' means of the weights are wanted.

        Returns:
            log π(y), and with a reference also KL(π_ref ‖ π), where it is measured, and log π_ref(y), [K] each; the
            logarithms of the tiles' shares, [tiles, K], of policy and reference; the means of both, [K, D], where
            backward is not foreseen to do without them.
        """
        wide = self.weight if products else None
        both = [
            TiledSoftmax(self.ids, len(self.weight), self.width, wide)
            for _ in range(1 if self.reference is None else 2)
        ]
        for rows in self._rows():
            for tile, columns in enumerate(self._columns()):
                self._read(rows, tile, columns, both)
        sums, tokens = [each.log_sum for each in both], [each.token for each in both]
        values = [tokens[0] - sums[0]]
        if self.reference is not None:
            # Σ q (log q − log p), the logarithms of the sums apart.
            values += [both[1].gap - sums[1] + sums[0], tokens[1] - sums[1]]
        means = [each.means for each in both if each.means is not None]
        return values, [each.shares for each in both], means

    def _read(self, rows: slice, tile: int, columns: slice, both: list[TiledSoftmax]) -> None:
        """Add a tile to the sums of its rows."""
        weights = [None if self._spared(number, rows) else self.weight[columns] for number in (0, 1)]
        own = self._logits(rows, columns)
        if self.reference is None:
            return both[0].add(rows, tile, own, own, weights[0])
        measured = rows.start < self.order.measured
        if self.keep:
            other = self._others(rows, columns)
            gaps = torch.sub(other, own, out=self._table("gaps", *own.shape)) if measured else None
            both[0].add(rows, tile, own, own)
        else:
            # Two tables serve: the policy's probabilities are done with when the reference's logits take their place.
            both[0].add(rows, tile, own, self._table("other logits", *own.shape), weights[0])
            other = self._others(rows, columns)
            gaps = torch.sub(other, own, out=own) if measured else None
        return both[1].add(rows, tile, other, other, weights[1], gaps)

    def gradients(
        self, logps: Tensor, divergence: Tensor | None, shares: list[Tensor], wanted: tuple[bool, ...]
    ) -> list[Tensor | None]:
        """Gradients of hidden states, weights and bias, those that are wanted.

        Args:
            logps: [K] of log π(y).
            divergence: [K] of KL(π_ref ‖ π), or None.
            shares: [tiles, K] logarithms of the tiles' shares, see `values`.
            wanted: of the three.
        """
        exact = torch.promote_types(self.weight.dtype, torch.float32)
        given = (self.hidden, self.weight, self.bias)
        found = [
            each.new_zeros(each.shape, dtype=exact) if each is not None and want else None
            for each, want in zip(given, wanted, strict=False)
        ]
        for rows in self._rows():
            places, given_shares = token_places(self.ids[rows], self.width), [each[:, rows] for each in shares]
            slopes = _Slopes(logps[rows], None if divergence is None else divergence[rows], given_shares, places)
            hidden = self.hidden[rows] * slopes.factor.to(self.hidden.dtype)
            for tile, columns in enumerate(self._columns()):
                table = self._filled(rows, tile, columns, slopes)
                if found[0] is not None:
                    _add_product(found[0][rows], table, self.weight[columns])
                if found[1] is not None:
                    _add_product(found[1][columns], table.T, hidden)
                if found[2] is not None:
                    found[2][columns] += slopes.factor.squeeze(-1) @ table
            if found[0] is not None:
                found[0][rows] *= slopes.factor
        return [None if each is None else each.to(of.dtype) for each, of in zip(found, given, strict=True)]  # type: ignore[union-attr]

    def _filled(self, rows: slice, tile: int, columns: slice, slopes: _Slopes) -> Tensor:
        """The gradient of the logits of a tile, but for the factor of each row."""
        parts = [
            (number, *self._given(number, rows, columns), each[tile, :, None])
            for number, each in enumerate(slopes.factors)
            if each is not None
        ]
        _, first, kept, _ = parts[0]
        table = self._table("slopes", *first.shape) if kept else first
        for block in self._blocks(table):
            made = table[block]
            for number, given, kept, factor in parts:
                probs = given[block]
                if not kept:
                    torch.softmax(probs, -1, out=probs)
                if (empty := slopes.empty[number]) is not None:
                    # Kept ones stay as they are, since backward may come again.
                    fill = torch.Tensor.masked_fill if kept else torch.Tensor.masked_fill_
                    probs = fill(probs, empty[tile, block, None], 0.0)
                if given is first:
                    torch.mul(probs, factor[block], out=made)
                else:
                    made.addcmul_(probs, factor[block])
            made.scatter_add_(-1, within(slopes.places[block], made), slopes.token[tile, block, None])
        return table

    def _given(self, number: int, rows: slice, columns: slice) -> tuple[Tensor, bool]:
        """The probabilities of policy or reference in a tile where they are kept, else the logits; and which it is."""
        kept = self.kept.get((number, rows.start, columns.start))
        if kept is not None:
            return kept, True
        return self._others(rows, columns) if number else self._logits(rows, columns), False

    def _spared(self, number: int, rows: slice) -> bool:
        """Whether backward is foreseen not to need the distributions of policy or reference in some rows."""
        moved = rows.start < self.order.moved
        return not moved if number else moved and self.order.cancels

    def _rows(self) -> Iterator[slice]:
        bounds = (0, self.order.moved, self.order.measured, len(self.ids))
        for first, last in itertools.pairwise(bounds):
            yield from (slice(at, min(at + self.size, last)) for at in range(first, last, self.size))

    def _columns(self) -> Iterator[slice]:
        count = len(self.weight)
        yield from (slice(at, min(at + self.width, count)) for at in range(0, count, self.width))

    def _blocks(self, table: Tensor) -> Iterator[slice]:
        """Blocks of rows of a table."""
        rows = len(table)
        if not table.is_cuda:
            rows = max(1, BLOCK_BYTES // (4 * table.shape[-1]))
        yield from (slice(at, min(at + rows, len(table))) for at in range(0, len(table), rows))

    def _logits(self, rows: slice, columns: slice) -> Tensor:
        bias = None if self.bias is None else self.bias[columns]
        return write_logits(self.hidden[rows], self.weight[columns], bias, self._room(0, rows, columns))

    def _others(self, rows: slice, columns: slice) -> Tensor:
        assert self.reference is not None
        return self.reference.write(rows, columns, self._room(1, rows, columns))

    def _room(self, number: int, rows: slice, columns: slice) -> Tensor:
        """Memory for the logits of policy or reference in a tile, of its own where it is kept."""
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        if not self.keep or self._spared(number, rows):
            return self._table(("logits", "other logits")[number], *shape)
        made = self.kept[number, rows.start, columns.start] = self.hidden.new_empty(shape, dtype=torch.float32)
        return made

    def _table(self, name: str, rows: int, width: int) -> Tensor:
        """Memory of [rows, width] float32, used again under the same name."""
        if name not in self._made or self._made[name].numel() < rows * width:
            self._made[name] = self.hidden.new_empty(rows * width, dtype=torch.float32)
        return self._made[name][: rows * width].view(rows, width)


class _Slopes:
    """The factors of the distributions in the gradient of the logits of some rows.

    d/dlogits = (k − l) π − k π_ref + l 1_y  for the gradients l of log π(y) and k of KL(π_ref ‖ π). Without k it is
    −l (π − 1_y), and −l is multiplied where it costs less. Where k = l, as in losses of the reward with its divergence
    (TDPO1, SparsePO), π cancels. π of a tile is the tile's softmax times its share.

    Args:
        logps: [rows] l.
        divergence: [rows] k, or None.
        shares: [tiles, rows] logarithms of the tiles' shares, of policy and reference.
        tokens: [rows] the tiles in which the tokens stand, and [rows, 1] their places there.

    Attributes:
        factor: [rows, 1] of the whole gradient.
        factors: [tiles, rows] of the softmax of each tile, of policy and reference; None where it is 0 everywhere.
        token: [tiles, rows] what the token's logit has more, 0 in other tiles.
        places: [rows, 1] the tokens' places in their tiles.
        empty: [tiles, rows] tiles of which nothing counts, or None if there are none.
    """

    def __init__(
        self, logps: Tensor, divergence: Tensor | None, shares: list[Tensor], tokens: tuple[Tensor, Tensor]
    ) -> None:
        parts = [each.exp() for each in shares]
        tiles, self.places = tokens
        self.factors: list[Tensor | None]
        self.empty = [none if bool(none.any()) else None for none in (each == 0 for each in parts)]
        if divergence is None or not bool((divergence != 0).any()):
            self.factor, self.factors, token = -logps[:, None], [parts[0]], -torch.ones_like(logps)
        else:
            both = divergence - logps
            self.factor, token = torch.ones_like(logps)[:, None], logps
            self.factors = [both * parts[0] if bool((both != 0).any()) else None, -divergence * parts[1]]
        self.token = torch.zeros_like(parts[0]).scatter_(0, tiles[None], token[None])


def _columns(most: int) -> int:
    """How many columns a tile has: an odd multiple of 8, since at powers of 2 its rows would compete for the caches."""
    return max(1, most) if most < 32 else most - most % 16 - 8


def write_logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, table: Tensor) -> Tensor:
    """Write the logits of a linear head into a float32 table, without another one beside it where types agree."""
    if weight.dtype != table.dtype:
        logits = hidden @ weight.T
        return table.copy_(logits if bias is None else logits + bias)
    torch.mm(hidden, weight.T, out=table)
    return table if bias is None else table.add_(bias)


def _add_product(total: Tensor, one: Tensor, other: Tensor) -> None:
    """total += one · other, in the number type of the second."""
    if total.dtype == one.dtype == other.dtype:
        total.addmm_(one, other)
    else:
        total += one.to(other.dtype) @ other
