"""Records that stand in the forget set and in the retain set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from penchant.checks.duplicates import bare_prompt
from penchant.feedback.records import Record, as_text

__all__ = ["shared_records"]


def shared_records(forget: Iterable[Record], retain: Iterable[Record]) -> list[tuple[Record, Record]]:
    """Pairs of a forget record and a retain record with the same prompt and the same response.

    Case and white space do not count: a copy that differs in them is learned and forgotten at once all the same.

    Args:
        forget: the records to forget.
        retain: the records to keep.

    Returns:
        For each retain record that is also to be forgotten, the first such forget record, and itself.

    Example:
        >>> from penchant.feedback import read
        >>> one, other = read([{"prompt": "Hi", "completion": "Ho"}]), read([{"prompt": "hi ", "completion": "ho"}])
        >>> len(shared_records(one, other))
        1
    """
    first: dict[Any, Record] = {}
    for record in forget:
        for key in _keys(record):
            first.setdefault(key, record)
    found = []
    for record in retain:
        key = next((each for each in _keys(record) if each in first), None)
        if key is not None:
            found.append((first[key], record))
    return found


def _keys(record: Record) -> list[Any]:
    # Records with several responses are of another kind, which the views of both sources refuse.
    single = record.responses if len(record.responses) == 1 else ()
    return [(bare_prompt(record.prompt), " ".join(as_text(each).casefold().split())) for each in single]
