"""`Found`, the records that a check has something to say about: how many, and where the first ones are."""

from __future__ import annotations

from penchant.feedback.records import Record

__all__ = ["Found"]


class Found:
    """Counts records, and keeps the places of the first three.

    Example:
        >>> from penchant.feedback.records import Prompt, Source
        >>> found = Found()
        >>> for line in range(1, 6):
        ...     found.add(Prompt(prompt="Hi", source=Source("a.jsonl", line)))
        >>> len(found), found.places, found.places_and_more
        (5, 'a.jsonl:1, a.jsonl:2, a.jsonl:3', 'a.jsonl:1, a.jsonl:2, a.jsonl:3 and 2 more')
    """

    def __init__(self) -> None:
        self._count, self.first = 0, list[str]()

    def add(self, record: Record) -> None:
        """Count a record."""
        self._count += 1
        if len(self.first) < 3:
            self.first.append(str(record.source))

    def __len__(self) -> int:
        return self._count

    def __add__(self, other: Found) -> Found:
        both = Found()
        both._count, both.first = self._count + other._count, (self.first + other.first)[:3]
        return both

    @property
    def places(self) -> str:
        """File and line of the first three."""
        return ", ".join(self.first)

    @property
    def places_and_more(self) -> str:
        """File and line of the first three, and how many more there are."""
        return self.places + (f" and {self._count - 3} more" if self._count > 3 else "")
