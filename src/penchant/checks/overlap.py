"""`Overlap`: how much of the held-out data was also trained on, exactly or nearly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from penchant.checks.duplicates import bare_prompt
from penchant.checks.near import near_pairs
from penchant.feedback.records import Record

__all__ = ["Overlap", "groups", "overlap"]

#: Near duplicates of held-out records are searched among at most this many records.
SEARCHED = 20_000


@dataclass(frozen=True)
class Overlap:
    """Held-out records that the run also trains on.

    Args:
        held_out: number of held-out records.
        same_prompt: how many have a prompt of the training data, ignoring case and surrounding white space.
        near_duplicate: how many of the others nearly repeat a training record.
    """

    held_out: int
    same_prompt: int
    near_duplicate: int

    @property
    def share(self) -> float:
        """Share of the held-out records that overlap, in [0, 1]."""
        return (self.same_prompt + self.near_duplicate) / self.held_out if self.held_out else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The counts, for ``summary.json``."""
        return asdict(self)


def overlap(train: Sequence[Record], heldout: Sequence[Record]) -> Overlap:
    """Count the held-out records that overlap with the training data.

    Args:
        train: the records that are trained on.
        heldout: the records that are measured on.

    Example:
        >>> from penchant.feedback.records import Prompt
        >>> overlap([Prompt(prompt="Hi")], [Prompt(prompt=" hi "), Prompt(prompt="Bye")])
        Overlap(held_out=2, same_prompt=1, near_duplicate=0)
    """
    prompts = {hash(bare_prompt(record.prompt)) for record in train}
    others = [record for record in heldout if hash(bare_prompt(record.prompt)) not in prompts]
    own = list(train[: max(0, SEARCHED - len(others))])
    close = {at for at, before in near_pairs([*own, *others]) if at >= len(own) > before}
    return Overlap(len(heldout), len(heldout) - len(others), len(close))


def groups(records: Sequence[Record]) -> list[list[int]]:
    """Indices of records that belong on one side of a split: with one prompt, or nearly the same.

    Args:
        records: the records to split.

    Example:
        >>> from penchant.feedback.records import Prompt
        >>> groups([Prompt(prompt="Hi"), Prompt(prompt="Bye"), Prompt(prompt="hi")])
        [[0, 2], [1]]
    """
    first = _by_prompt(records)
    root = first.copy()
    for at, before in near_pairs(records):
        one, other = _root(root, first[at]), _root(root, first[before])
        root[max(one, other)] = min(one, other)
    found = _lists([_root(root, at) for at in first])
    # Records that share a long template are all alike; kept together they could not be split.
    return _lists(first) if max(map(len, found), default=0) > len(records) / 2 else found


def _by_prompt(records: Sequence[Record]) -> list[int]:
    """For each record, the first one with its prompt."""
    import numpy

    hashes = numpy.fromiter((hash(bare_prompt(record.prompt)) for record in records), numpy.int64, len(records))
    _, firsts, inverse = numpy.unique(hashes, return_index=True, return_inverse=True)
    found: list[int] = firsts[inverse].tolist()
    return found


def _lists(roots: Sequence[int]) -> list[list[int]]:
    """The indices of each root, in order of appearance."""
    found: dict[int, list[int]] = {}
    for at, root in enumerate(roots):
        found.setdefault(root, []).append(at)
    return list(found.values())


def _root(root: list[int], at: int) -> int:
    while root[at] != at:
        at = root[at]
    return at
