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
    sorted by token, in arrays on one device.

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
        leaves = {}
        for number, sequence in enumerate(sequences):
            node = 0
            for token in sequence:
                below = children[node].setdefault(token, len(children))
                if below == len(children):
                    children.append({})
                node = below
            leaves[node] = number
        edges = [(token, child) for below in children for token, child in sorted(below.items())]
        counts = torch.tensor([len(below) for below in children])
        #: [N] number of edges of each node, and the place of its first.
        self.counts, self.first = counts, counts.cumsum(0) - counts
        #: [E] token and lower node of each edge.
        self.edge_tokens = torch.tensor([token for token, _child in edges])
        self.edge_nodes = torch.tensor([child for _token, child in edges])
        #: [N] the sequence that ends at a node, or -1.
        self.sequence_at = torch.full((len(children),), -1)
        self.sequence_at[list(leaves)] = torch.tensor(list(leaves.values()))
        self.longest = max(map(len, sequences))
        self._base = int(self.edge_tokens.max()) + 1
        self._keys = torch.arange(len(children)).repeat_interleave(counts) * self._base + self.edge_tokens

    def to(self, device: torch.device) -> Trie:
        """Move the arrays to a device, in place."""
        for name in ("counts", "first", "edge_tokens", "edge_nodes", "sequence_at", "_keys"):
            setattr(self, name, getattr(self, name).to(device))
        return self

    def edges(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """All edges of nodes: for each the row of its node in ``nodes``, and its place in the arrays of edges.

        Args:
            nodes: [R]; `NOWHERE` has no edges.
        """
        known = nodes.clamp(min=0)
        counts = torch.where(nodes >= 0, self.counts[known], 0)
        rows = torch.arange(len(nodes), device=nodes.device).repeat_interleave(counts)
        within = torch.arange(len(rows), device=nodes.device) - (counts.cumsum(0) - counts)[rows]
        return rows, self.first[known][rows] + within

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
