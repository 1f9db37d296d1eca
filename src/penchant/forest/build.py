"""`build_forest`, which lays token sequences out as prefix trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from penchant.errors import DataError
from penchant.forest.layout import Forest, Segment, TokenSequence

__all__ = ["build_forest", "by_prompt"]

# Prompts of different examples share a prefix only if it has at least this many tokens (a common system prompt);
# otherwise a single BOS would join the whole batch into one tree without benefit.
SHARED_ROOT = 16


def build_forest(
    sequences: Sequence[TokenSequence], group: Sequence[int] | None = None, *, share: bool = True
) -> Forest:
    """Lay sequences out as a forest in which every common prefix occurs once.

    Args:
        sequences: R prompts with their responses. Prompts must not be empty: the first token of a response is
            predicted from the token before it.
        group: [R] which example each sequence belongs to; sequences of one group share every common prefix, different
            groups only a prefix of 16 tokens or more. One group by default.
        share: False gives every sequence a separate tree (to measure what sharing saves).

    Returns:
        The `Forest`; row r of its [R, T] arrays is sequence r.

    Raises:
        DataError: a prompt is empty, there is no sequence, or a response has no learned token.

    Example:
        >>> forest = build_forest([TokenSequence([5, 6, 7], [1, 2]), TokenSequence([5, 6, 7], [1, 3])])
        >>> forest.token_ids.tolist(), forest.position_ids.tolist()
        ([5, 6, 7, 1, 2, 3], [0, 1, 2, 3, 4, 4])
        >>> forest.parent.tolist(), forest.subtree_end.tolist()
        ([-1, 0, 1, 2, 3, 3], [6, 6, 6, 6, 5, 6])
    """
    _check(sequences)
    groups = list(group) if group is not None else [0] * len(sequences)
    texts = [np.concatenate([np.asarray(s.prompt, np.int64), np.asarray(s.response, np.int64)]) for s in sequences]
    trie = _Trie(texts)
    for members in _trees(texts, groups, share):
        trie.grow(members)
    return trie.forest(sequences)


def _check(sequences: Sequence[TokenSequence]) -> None:
    if not sequences:
        raise DataError("The batch has no sequences.", fix="Check that the data is not empty.")
    for row, sequence in enumerate(sequences):
        if len(sequence.prompt) == 0:
            raise DataError(
                f"Sequence {row} has an empty prompt, so there is no token to predict its first response token from.",
                fix="Give a prompt, or use a tokenizer that adds a BOS token.",
            )
        if sequence.learned is not None and (len(sequence.learned) != len(sequence.response) or not sequence.length):
            raise DataError(
                f"Sequence {row} has {len(sequence.response)} response tokens and a mask of {len(sequence.learned)}, "
                f"of which {sequence.length} are learned.",
                fix="Give one entry for each response token, at least one of them true.",
            )


def by_prompt(sequences: Sequence[TokenSequence]) -> list[int]:
    """Groups for `build_forest`: sequences with the same prompt form a group, so that a BOS alone is never shared.

    Example:
        >>> by_prompt([TokenSequence([1, 5], [6]), TokenSequence([1, 7], [6]), TokenSequence([1, 5], [8])])
        [0, 1, 0]
    """
    numbers: dict[tuple[int, ...], int] = {}
    return [numbers.setdefault(tuple(sequence.prompt), len(numbers)) for sequence in sequences]


def _trees(texts: list[np.ndarray], groups: list[int], share: bool) -> list[list[int]]:
    """The rows of each tree: rows of one group with the same first token, and groups with a long common prefix."""
    clusters: dict[object, list[int]] = {}
    for row, text in enumerate(texts):
        clusters.setdefault((groups[row], int(text[0])) if share else row, []).append(row)
    if not share:
        return list(clusters.values())
    trees: dict[object, list[int]] = {}
    for key, rows in clusters.items():
        beginnings = {texts[row][:SHARED_ROOT].tobytes() for row in rows}
        common = beginnings.pop() if len(beginnings) == 1 and len(texts[rows[0]]) >= SHARED_ROOT else key
        trees.setdefault(common, []).extend(rows)
    return list(trees.values())


@dataclass
class _Trie:
    """Prefix trees under construction, in depth-first order."""

    texts: list[np.ndarray]
    segments: list[Segment] = field(default_factory=list)
    runs: list[np.ndarray] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    paths: dict[int, list[int]] = field(default_factory=dict)
    size: int = 0

    def grow(self, members: list[int]) -> None:
        """Add one tree for the given rows, which have the same first token."""
        stack: list[tuple[list[int], int, tuple[int, ...]]] = [(members, 0, ())]
        while stack:
            rows, depth, ancestors = stack.pop()
            stop = depth + self._common(rows, depth)
            here = len(self.segments)
            self.segments.append(Segment(self.size, self.size + stop - depth, ancestors))
            self.runs.append(self.texts[rows[0]][depth:stop])
            self.depths.append(depth)
            self.size += stop - depth
            branches: dict[int, list[int]] = {}
            for row in rows:
                self.paths.setdefault(row, []).append(here)
                if len(self.texts[row]) > stop:
                    branches.setdefault(int(self.texts[row][stop]), []).append(row)
            stack.extend((branch, stop, (*ancestors, here)) for branch in reversed(branches.values()))

    def _common(self, rows: list[int], depth: int) -> int:
        """Length of the common prefix of all rows from ``depth`` on."""
        first = self.texts[rows[0]][depth:]
        common = len(first)
        for row in rows[1:]:
            other = self.texts[row][depth : depth + common]
            differs = np.nonzero(first[: len(other)] != other)[0]
            common = int(differs[0]) if len(differs) else len(other)
        return common

    def forest(self, sequences: Sequence[TokenSequence]) -> Forest:
        """The finished forest."""
        ends = [segment.stop for segment in self.segments]
        for place in range(len(self.segments) - 1, -1, -1):
            if self.segments[place].ancestors:
                above = self.segments[place].ancestors[-1]
                ends[above] = max(ends[above], ends[place])
        lengths = np.array([segment.length for segment in self.segments])
        parent = np.arange(-1, self.size - 1)
        for segment in self.segments:
            parent[segment.start] = self.segments[segment.ancestors[-1]].stop - 1 if segment.ancestors else -1
        starts = np.array([segment.start for segment in self.segments])
        position = np.arange(self.size) + np.repeat(np.array(self.depths) - starts, lengths)
        index, mask = self._responses(sequences)
        return Forest(
            token_ids=torch.from_numpy(np.concatenate(self.runs)),
            position_ids=torch.from_numpy(position),
            parent=torch.from_numpy(parent),
            subtree_end=torch.from_numpy(np.repeat(np.array(ends), lengths)),
            response_index=torch.from_numpy(index),
            mask=torch.from_numpy(mask),
            segments=tuple(self.segments),
            sequence_tokens=sum(len(text) for text in self.texts),
            max_context=max(len(text) for text in self.texts),
            sequences=tuple(sequences),
        )

    def _responses(self, sequences: Sequence[TokenSequence]) -> tuple[np.ndarray, np.ndarray]:
        """[R, T] flat indices of the learned response tokens, and their mask."""
        longest = max(sequence.length for sequence in sequences)
        index = np.zeros((len(sequences), longest), np.int64)
        mask = np.zeros((len(sequences), longest), bool)
        for row, sequence in enumerate(sequences):
            flat = np.concatenate([np.arange(*self.segments[place][:2]) for place in self.paths[row]])
            own = flat[len(flat) - len(sequence.response) :]
            own = own if sequence.learned is None else own[np.asarray(sequence.learned, bool)]
            index[row, : len(own)] = own
            mask[row, : len(own)] = True
        return index, mask
