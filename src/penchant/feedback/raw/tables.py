"""Rows of a table that is one object: by columns, by splits, or as exports of other tools write it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penchant.errors import DataError

__all__ = ["column_rows", "object_rows"]

#: Keys under which tools write the list of rows.
_LISTS = ("data", "rows", "examples", "instances", "records", "items")


def column_rows(columns: Mapping[Any, Any], where: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows, numbered from 1, of a table that is written column by column.

    Args:
        columns: the cells of each column, in the order of the rows.
        where: the file, for errors.

    Raises:
        DataError: the columns differ in length.

    Example:
        >>> list(column_rows({"prompt": ["Hi", "Bye"]}, "a.json"))
        [(1, {'prompt': 'Hi'}), (2, {'prompt': 'Bye'})]
    """
    cells = {str(name): list(values) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in cells.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(
            f"The columns differ in length: {found}.", where=where, fix="Give every column one value a row."
        )
    for number, row in enumerate(zip(*cells.values(), strict=True), start=1):
        yield number, dict(zip(cells, row, strict=True))


def object_rows(value: Mapping[str, Any], where: str) -> Sequence[Any]:
    """The rows of a file of JSON that is one object.

    It may hold a list of rows (``data``, ``rows``, ...), the rows of several splits, which get a column ``split``, or
    the cells of each column: as a list, or by the numbers of the rows, as pandas writes frames (``to_json``, also with
    ``orient="split"``).

    Args:
        value: the object.
        where: the file, for errors.

    Raises:
        DataError: it holds none of these.

    Example:
        >>> object_rows({"prompt": {"0": "Hi", "1": "Bye"}}, "a.json")
        [{'prompt': 'Hi'}, {'prompt': 'Bye'}]
        >>> object_rows({"train": [{"prompt": "Hi"}], "test": [{"prompt": "Bye"}]}, "a.json")
        [{'split': 'train', 'prompt': 'Hi'}, {'split': 'test', 'prompt': 'Bye'}]
    """
    listed = next((value[name] for name in _LISTS if _are_rows(value.get(name))), None)
    if listed is not None:
        # The viewer of the hub wraps each row: {"row_idx": 0, "row": {...}}.
        return [row["row"] if isinstance(row.get("row"), dict) and "row_idx" in row else row for row in listed]
    if {"columns", "data"} <= set(value) and _are_cells(value["columns"], value["data"]):
        return [dict(zip(value["columns"], cells, strict=True)) for cells in value["data"]]
    if isinstance(value.get("data"), list) and not value["data"]:
        return []
    parts = list(value.values())
    if parts and all(_are_rows(part) and not _are_turns(part) for part in parts):
        return [{"split": name, **row} for name, part in value.items() for row in part]
    if parts and all(isinstance(part, list) for part in parts) and not any(map(_are_turns, parts)):
        return [row for _, row in column_rows(value, where)]
    if parts and all(isinstance(part, dict) and set(part) == set(parts[0]) for part in parts) and _counts(parts[0]):
        return [row for _, row in column_rows({name: part.values() for name, part in value.items()}, where)]
    raise DataError(
        f"The file is one object with the keys {', '.join(list(value)[:8])}; expected a list of objects, or an object "
        "with a list 'data', with splits, or with columns.",
        where=where,
        fix="If it is one record, put it into a list: [ ... ].",
    )


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _are_cells(names: Any, rows: Any) -> bool:
    return (
        isinstance(names, list)
        and isinstance(rows, list)
        and all(isinstance(row, list) and len(row) == len(names) for row in rows)
    )


def _are_turns(value: Any) -> bool:
    """Whether a list is one of messages, the cell of a record."""
    return _are_rows(value) and all("role" in each or "from" in each for each in value)


def _counts(cells: Mapping[str, Any]) -> bool:
    """Whether the keys count rows from 0."""
    return bool(cells) and list(cells) == [str(at) for at in range(len(cells))]
