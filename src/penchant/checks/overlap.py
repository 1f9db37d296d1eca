"""`Overlap`: how much of the held-out data was also trained on, exactly or nearly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from penchant.checks.duplicates import bare_prompt
from penchant.checks.near import near_pairs
from penchant.feedback.records import Record

__all__ = ["Overlap", "groups", "overlap"]

#: Near duplicates are searched among at most this many records; beyond that the search takes minutes.
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
    prompts = {bare_prompt(record.prompt) for record in train}
    others = [record for record in heldout if bare_prompt(record.prompt) not in prompts]
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
    near = near_pairs(records) if len(records) <= SEARCHED else ()
    root = dict(first)
    for at, before in near:
        one, other = _root(root, first[at]), _root(root, first[before])
        root[max(one, other)] = min(one, other)
    found: dict[int, list[int]] = {}
    for at in range(len(records)):
        found.setdefault(_root(root, first[at]), []).append(at)
    # Records that share a long template are all alike; kept together they could not be split.
    if max(map(len, found.values()), default=0) > len(records) / 2:
        found = {}
        for at, start in first.items():
            found.setdefault(start, []).append(at)
    return list(found.values())


def _by_prompt(records: Sequence[Record]) -> dict[int, int]:
    """For each record, the first one with its prompt."""
    seen: dict[Any, int] = {}
    return {at: seen.setdefault(bare_prompt(record.prompt), at) for at, record in enumerate(records)}


def _root(root: dict[int, int], at: int) -> int:
    while root[at] != at:
        at = root[at]
    return at
