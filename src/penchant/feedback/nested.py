"""Paths into nested columns: ``input.messages``, ``completions.0.text``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from penchant.documents import json_document

__all__ = ["ABSENT", "NestedColumn", "Rereadable", "columns_of", "nested_column"]


Item = TypeVar("Item", covariant=True)


class Rereadable(Protocol[Item]):
    """What can be gone through again and again, and is false where it is empty."""

    def __iter__(self) -> Iterator[Item]:
        """The items, from the first one on."""
        ...


class _Absent:
    """What a path finds where a row does not have it."""

    def __repr__(self) -> str:
        return "absent"


#: A row does not have the column or path.
ABSENT: Any = _Absent()


@dataclass(frozen=True)
class NestedColumn:
    """A column, and the keys and positions that lead to a value inside its cells.

    Args:
        column: its name.
        keys: keys of objects, and positions (from 0) of lists.

    Example:
        >>> NestedColumn("completions", ("0", "text")).value({"completions": [{"text": "Hi"}]})
        'Hi'
    """

    column: str
    keys: tuple[str, ...] = ()

    def value(self, row: Mapping[str, Any], place: str = "") -> Any:
        """The value in a row, or `ABSENT`; a cell of JSON text is opened where the path enters it."""
        value = row.get(self.column, ABSENT)
        for key in self.keys:
            value = _inside(value, key)
        return value


def _inside(value: Any, key: str) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        try:
            value = json_document(value)
        except ValueError:
            return ABSENT
    if isinstance(value, Mapping):
        return value.get(key, ABSENT)
    if isinstance(value, list | tuple) and key.isdecimal() and int(key) < len(value):
        return value[int(key)]
    return ABSENT


def nested_column(path: str, columns: Iterable[str], rows: Rereadable[Mapping[str, Any]]) -> NestedColumn | None:
    """The column that a path names, if any row has it.

    Args:
        path: names with dots between them; the column's own name may contain dots.
        columns: the columns of the rows.
        rows: the rows.

    Example:
        >>> nested_column("input.messages", ["input"], [{"input": {"messages": []}}])
        NestedColumn(column='input', keys=('messages',))
    """
    starts = sorted((name for name in columns if path.startswith(f"{name}.")), key=len, reverse=True)
    for name in starts:
        found = NestedColumn(name, tuple(path[len(name) + 1 :].split(".")))
        if any(found.value(row) is not ABSENT for row in rows):
            return found
    return None


def columns_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, None]:
    """The columns of all rows, in order of appearance.

    Example:
        >>> list(columns_of([{"a": 1}, {"a": 2, "b": 3}]))
        ['a', 'b']
    """
    return {str(column): None for row in rows for column in row}
