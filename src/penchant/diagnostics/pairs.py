"""Pairs of responses as diagnostics of data see them: in random order, without repetitions, with the prompt's group."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from penchant.checks.words import count_words
from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.pairing import paired
from penchant.feedback.records import Comparison, Record, Text, as_text

__all__ = ["DataPairs", "Pair", "pairs_of_feedback"]


@dataclass(frozen=True)
class Pair:
    """Two responses A and B to one prompt, in an order that says nothing about the label.

    Args:
        prompt: its text, without roles.
        first: response A.
        second: response B.
        label: 1 where A is preferred, 0 where B is.
        record: the comparison.
        group: pairs with the same first message of the user belong to one group.
    """

    prompt: str
    first: str
    second: str
    label: int
    record: Comparison
    group: str

    @property
    def chosen(self) -> str:
        """The preferred response."""
        return self.first if self.label else self.second

    @property
    def rejected(self) -> str:
        """The other response."""
        return self.second if self.label else self.first


@dataclass(frozen=True)
class DataPairs:
    """The pairs of a data set.

    Args:
        name: of the data set.
        pairs: all different ones.
        repeated: number of pairs left out since they occur before, in either order.
        notes: what else was left out.
    """

    name: str
    pairs: Sequence[Pair]
    repeated: int = 0
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def labels(self) -> np.ndarray:
        """[N] 1 where A is preferred, 0 where B is."""
        return np.array([pair.label for pair in self.pairs], dtype=float)

    @cached_property
    def length_difference(self) -> np.ndarray:
        """[N] words of A less words of B."""
        return np.array([count_words(pair.first) - count_words(pair.second) for pair in self.pairs], dtype=float)

    def held_out(self, share: float = 0.2, seed: int = 0) -> np.ndarray:
        """[N] bool: pairs to test on, whole groups of prompts, about a share of all.

        Args:
            share: of the groups.
            seed: of the draw.
        """
        chosen = {group: _fraction(f"{seed}:{group}") < share for group in {pair.group for pair in self.pairs}}
        return np.array([chosen[pair.group] for pair in self.pairs], dtype=bool)


def pairs_of_feedback(feedback: Feedback, most: int = 20_000, by: str | None = None) -> DataPairs:
    """The pairs of comparisons, or all pairs of rankings.

    Args:
        feedback: comparisons or rankings.
        most: of more pairs, so many are taken, evenly spread over the file.
        by: a field of the records that names who judged; the same pair of another person is no repetition.

    Raises:
        DataError: the feedback has no pairs of texts, or fewer than two.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": "Hi", "chosen": "Hello!", "rejected": reply} for reply in ("What?", "No.", "What?")]
        >>> found = pairs_of_feedback(read(rows))
        >>> len(found), found.repeated, {pair.chosen for pair in found.pairs}
        (2, 1, {'Hello!'})
    """
    if feedback.kind == "ranking":
        feedback = paired(feedback, "all").feedback
    if feedback.kind != "comparison":
        raise DataError(
            f"The feedback is of kind {feedback.kind!r}; what data reward shows in pairs.",
            where=feedback.name,
            fix="Give comparisons (prompt, chosen, rejected) or rankings.",
        )
    found: dict[str, Pair] = {}
    repeated = same = 0
    for record in feedback:
        pair = _pair(record)
        same += pair.first == pair.second
        if pair.first == pair.second:
            continue
        person = [] if by is None else [str(record.fields.get(by))]
        key = _digest("\0".join([pair.prompt, *sorted((pair.first, pair.second)), *person]))
        repeated += key in found
        found.setdefault(key, pair)
    notes = [f"{same} pairs of equal responses are left out."] if same else []
    if feedback.ties:
        notes.append(f"{feedback.ties:,} ties are left out.")
    pairs = list(found.values())
    if len(pairs) > most:
        notes.append(f"{most:,} of {len(pairs):,} pairs are taken, evenly spread over the file.")
        pairs = [pairs[int(place)] for place in np.linspace(0, len(pairs) - 1, most)]
    if len(pairs) < 2:
        raise DataError(
            f"There {'is one pair' if pairs else 'are no pairs'} of different responses with a preference; what data "
            "reward needs two or more, and hundreds to say much.",
            where=feedback.name,
            fix="Give more comparisons, or leave out ties and repetitions only.",
        )
    return DataPairs(feedback.name, pairs, repeated, notes)


def _pair(record: Record) -> Pair:
    assert isinstance(record, Comparison)
    prompt, chosen, rejected = (as_text(each) for each in (record.prompt, record.chosen, record.rejected))
    # The content decides which response stands first, so that the order of the file does not matter.
    label = int(_fraction(f"{prompt}\0{chosen}\0{rejected}") < 0.5)
    first, second = (chosen, rejected) if label else (rejected, chosen)
    return Pair(prompt, first, second, label, record, _digest(_first_message(record.prompt).strip().lower()))


def _first_message(prompt: Text) -> str:
    """What the user said first; the whole of a prompt that is a text."""
    if not isinstance(prompt, list):
        return str(prompt)
    asked: list[dict[str, Any]] = [turn for turn in prompt if turn.get("role") == "user"]
    return as_text(asked[:1] or prompt)


def _fraction(text: str) -> float:
    """A number in [0, 1) that follows from a text."""
    return int(_digest(text)[:12], 16) / 16**12


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
