"""Rows of data in memory: records, columns, tables, frames, and `datasets` objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from penchant.errors import DataError
from penchant.feedback.datasets import set_rows
from penchant.feedback.files import Row
from penchant.feedback.raw.tables import column_rows
from penchant.feedback.validation import described

__all__ = ["form_of", "memory_rows"]

Form: TypeAlias = Literal["splits", "columns", "record", "sources"]

_WRITTEN = (str, int, float, bool, type(None))
#: A mapping with one of these keys is a record or a table, not a set of named sources.
_FIELDS = {"prompt", "chosen", "rejected", "completion", "completions", "responses", "messages", "label", "scores"}
_EXPECTED = "expected a path, a data set, a frame, or an iterable of records"


def form_of(data: Mapping[Any, Any]) -> Form:
    """What a mapping is: the splits of a data set, a table by columns, one record, or sources by name.

    Example:
        >>> form_of({"prompt": ["Hi", "Bye"]}), form_of({"prompt": "Hi"}), form_of({"forget": [{"prompt": "Hi"}]})
        ('columns', 'record', 'sources')
    """
    if hasattr(data, "column_names"):
        return "splits"
    listed = [_listed(value) for value in data.values()]
    if data and all(each is not None for each in listed):
        entries = [entry for each in listed for entry in each or ()]
        if all(isinstance(entry, Mapping) for entry in entries):
            # Lists of messages are the cells of one record, lists of rows are sources.
            turns = bool(entries) and all("role" in entry or "from" in entry for entry in entries)
            return "record" if turns else "sources"
        return "columns" if _FIELDS & set(data) or not all(map(_named, entries)) else "sources"
    return "record" if _FIELDS & set(data) else "sources"


def _listed(value: Any) -> Sequence[Any] | None:
    """The entries of a list or a one-dimensional array; None for anything else."""
    if isinstance(value, list | tuple):
        return value
    return list(value) if getattr(value, "ndim", None) == 1 else None


def _named(entry: Any) -> bool:
    """Whether an entry may be the path of a file and is no text of a record."""
    from penchant.feedback.files import FORMATS

    return str(entry).lower().endswith(tuple(FORMATS))


def memory_rows(data: Any, split: str | None) -> Iterator[Row]:
    """Rows of data in memory, numbered from 1.

    Args:
        data: an iterable of dictionaries, a dictionary of columns or of splits, a ``datasets`` object, a frame of
            pandas or polars, a table of pyarrow, or a list of such sets, frames or tables.
        split: the split to read, if the data have several.

    Raises:
        DataError: it is something else, or there is no such split.

    Example:
        >>> list(memory_rows({"prompt": ["Hi", "Bye"]}, None))
        [(1, {'prompt': 'Hi'}), (2, {'prompt': 'Bye'})]
    """
    if isinstance(data, Mapping):
        return _of_mapping(data, split)
    if isinstance(data, list | tuple) and data and all(_is_table(each) for each in data):
        parts = (row for each in data for _, row in memory_rows(each, split))
        return ((number, row) for number, row in enumerate(parts, start=1))
    rows = _frame_rows(data)
    if rows is None and hasattr(data, "__iter__") and not isinstance(data, str | bytes):
        rows = _unformatted(data)
    elif (
        rows is None and hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, str | bytes)
    ):
        rows = (data[at] for at in range(len(data)))
    if rows is None:
        raise DataError(f"The data is {type(data).__name__}, {_EXPECTED}.")
    return ((number, _as_row(row, number)) for number, row in enumerate(rows, start=1))


def _is_table(value: Any) -> bool:
    """Whether a value is a data set, a frame or a table, and no record."""
    return not isinstance(value, Mapping) and (hasattr(value, "column_names") or hasattr(value, "columns"))


def _of_mapping(data: Mapping[Any, Any], split: str | None) -> Iterator[Row]:
    form = form_of(data)
    if form == "columns":
        return (
            (number, {name: _plain(cell) for name, cell in row.items()}) for number, row in column_rows(data, "memory")
        )
    if form == "record" or not all(hasattr(part, "__iter__") for part in data.values()):
        found = ", ".join(map(str, data))
        indexed = data and all(isinstance(part, Mapping) for part in data.values())
        raise DataError(
            f"The data is one dictionary with the keys {found}, expected a list of records.",
            where="memory",
            fix='A frame of pandas is read as it is; or write its records: frame.to_dict("records").'
            if indexed
            else "For one record, put it into a list: [record].",
        )
    # The splits of a plain dictionary may be frames.
    sets = data if form == "splits" else {name: _frame_rows(part) or part for name, part in data.items()}
    return set_rows({name: _unformatted(part) for name, part in sets.items()}, split, "memory")


def _as_row(row: Any, number: int) -> dict[str, Any] | DataError:
    if isinstance(row, Mapping):
        return {name: _plain(value) for name, value in row.items()}
    return DataError(f"The record is {described(row)}, expected a dictionary.", where=f"memory:{number}")


def _plain(value: Any) -> Any:
    """A value with lists and numbers of Python in place of those of numpy, PyTorch and pyarrow; images stay."""
    if isinstance(value, _WRITTEN) and type(value) in _WRITTEN:
        return value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if hasattr(value, "tolist") and getattr(value, "ndim", 2) < 2:
        return _plain(value.tolist())
    return value


def _unformatted(data: Any) -> Iterable[Any]:
    """A data set whose rows are values of Python, whatever its format (``with_format("torch")``)."""
    formatted = getattr(data, "format", None)
    if isinstance(formatted, Mapping) and formatted.get("type") is not None:
        plain: Iterable[Any] = data.with_format(None)
        return plain
    rows: Iterable[Any] = data
    return rows


def _frame_rows(data: Any) -> Iterable[Any] | None:
    """The rows of a frame or table, known by its library without importing it; None for anything else."""
    library = type(data).__module__.partition(".")[0]
    if library == "pandas" and hasattr(data, "columns"):
        # A missing value is NaN in a frame, and no value of a field.
        rows: list[Any] | None = data.astype(object).where(data.notna(), None).to_dict("records")
        return rows
    if library == "polars" and hasattr(data, "collect"):
        data = data.collect()
    if library == "polars" and hasattr(data, "to_dicts"):
        rows = data.to_dicts()
        return rows
    if library == "pyarrow":
        table = data.read_all() if hasattr(data, "read_all") else data
        table = table.to_table() if hasattr(table, "to_table") else table
        rows = table.to_pylist() if hasattr(table, "column_names") or hasattr(table, "schema") else None
        return rows
    return None
