"""`Trie`: token sequences as arrays, so that many prefixes are extended at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["NOWHERE", "Trie"]

#: The node of a prefix that no sequence begins with.
NOWHERE = -1


class Trie:
    """The prefixes of token sequences, none of which is the beginning of another.

    A prefix is a node: 0 is the empty one. The edges of a node, one per token that extends it, stand side by side,
    sorted by token, in arrays on one device. So do the sequences below a node, sorted by their tokens.

    Args:
        sequences: token ids of each sequence, none empty; each ends in a token that occurs nowhere else in it, or none
            is a prefix of another for another reason.

    Example:
        >>> trie = Trie([(5, 0), (5, 6, 0)])
        >>> here = trie.walk(torch.tensor([[5], [6]]))
        >>> here.tolist()
        [1, -1]
        >>> trie.edge_tokens[trie.edges(here[:1])[1]].tolist()
        [0, 6]
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        children: list[dict[int, int]] = [{}]
        leaves: dict[int, int] = {}
        below, first_below = [0], [0]
        order = sorted(range(len(sequences)), key=lambda number: tuple(sequences[number]))
        for place, number in enumerate(order):
            node = 0
            below[0] += 1
            for token in sequences[number]:
                onward = children[node].setdefault(token, len(children))
                if onward == len(children):
                    children.append({})
                    below.append(0)
                    first_below.append(place)
                node = onward
                below[node] += 1
            leaves[node] = number
        edges = [(token, child) for each in children for token, child in sorted(each.items())]
        counts = torch.tensor([len(each) for each in children])
        #: [N] number of edges of each node, and the place of its first.
        self.counts, self.first = counts, counts.cumsum(0) - counts
        #: [E] token and lower node of each edge.
        self.edge_tokens = torch.tensor([token for token, _child in edges])
        self.edge_nodes = torch.tensor([child for _token, child in edges])
        #: [N] the sequence that ends at a node, or -1.
        self.sequence_at = torch.full((len(children),), -1)
        self.sequence_at[list(leaves)] = torch.tensor(list(leaves.values()))
        #: [N] number of sequences below each node, and the place of the first in ``table``.
        self.below, self.first_below = torch.tensor(below), torch.tensor(first_below)
        self.longest = max(map(len, sequences))
        #: [S, longest] the sequences sorted by their tokens, -1 after their end.
        self.table = torch.full((len(sequences), self.longest), -1, dtype=torch.int32)
        for place, number in enumerate(order):
            self.table[place, : len(sequences[number])] = torch.tensor(sequences[number], dtype=torch.int32)
        self._base = int(self.edge_tokens.max()) + 1
        self._keys = torch.arange(len(children)).repeat_interleave(counts) * self._base + self.edge_tokens

    def to(self, device: torch.device) -> Trie:
        """Move the arrays to a device, in place."""
        arrays = (
            "counts",
            "first",
            "edge_tokens",
            "edge_nodes",
            "sequence_at",
            "below",
            "first_below",
            "table",
            "_keys",
        )
        for name in arrays:
            setattr(self, name, getattr(self, name).to(device))
        return self

    def edges(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """All edges of nodes: for each the row of its node in ``nodes``, and its place in the arrays of edges.

        Args:
            nodes: [R]; `NOWHERE` has no edges.
        """
        known = nodes.clamp(min=0)
        return _ranges(self.first[known], torch.where(nodes >= 0, self.counts[known], 0))

    def tails(self, nodes: Tensor, depth: int) -> tuple[Tensor, Tensor]:
        """What follows nodes of one depth until the end of every sequence below them.

        Args:
            nodes: [R].
            depth: tokens of their prefixes.

        Returns:
            For each of the P sequences the row of its node in ``nodes``, in order, and [P, T] its further tokens,
            sorted, -1 after its end.

        Example:
            >>> trie = Trie([(5, 6, 0), (5, 7, 8, 0)])
            >>> [each.tolist() for each in trie.tails(torch.tensor([1]), 1)]
            [[0, 0], [[6, 0, -1], [7, 8, 0]]]
        """
        rows, places = _ranges(self.first_below[nodes], self.below[nodes])
        found = self.table[places, depth:].long()
        return rows, found[:, : int((found >= 0).sum(1).max())]

    def allowed(self, nodes: Tensor) -> tuple[Tensor | slice, Tensor]:
        """The tokens that extend nodes [R], with the row of each; all rows at once where all nodes are equal."""
        alike = len(nodes) > 1 and bool((nodes == nodes[0]).all())
        rows, edges = self.edges(nodes[:1] if alike else nodes)
        return slice(None) if alike else rows, self.edge_tokens[edges]

    def step(self, nodes: Tensor, tokens: Tensor) -> Tensor:
        """The nodes below ``nodes`` along ``tokens``, [R]; `NOWHERE` where there is none."""
        wanted = nodes * self._base + tokens
        place = torch.searchsorted(self._keys, wanted).clamp(max=len(self._keys) - 1)
        found = (self._keys[place] == wanted) & (nodes >= 0) & (tokens < self._base)
        return torch.where(found, self.edge_nodes[place], NOWHERE)

    def walk(self, tokens: Tensor) -> Tensor:
        """The nodes of prefixes, [R], from their tokens [R, T]."""
        nodes = tokens.new_zeros(len(tokens))
        for column in tokens.unbind(1):
            nodes = self.step(nodes, column)
        return nodes


def _ranges(first: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Ranges of places one after the other: the number of each place's range, and the place."""
    rows = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
    within = torch.arange(len(rows), device=counts.device) - (counts.cumsum(0) - counts)[rows]
    return rows, first[rows] + within
