"""`Built`: the rows of a builder with counts of records, and functions to read and write rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from penchant.errors import ConfigurationError, DataError, OutputError
from penchant.feedback.kept import Kept, kept
from penchant.feedback.records import Comparison, Demonstration, Record
from penchant.feedback.tools import template_columns
from penchant.targets import claim_file
from penchant.writing import is_stream, write_rows

__all__ = ["Built", "as_row", "comparisons", "read_template", "require_free", "responded"]

MutableRows: TypeAlias = "list[dict[str, Any]] | Kept[dict[str, Any]]"


@dataclass
class Built:
    """Rows for a file of feedback.

    Args:
        rows: what is written, one JSON object each; many are on disk.
        counts: number of records by outcome.

    Example:
        >>> Built([{"prompt": "Hi"}], {"records read": 1}).counts
        {'records read': 1}
    """

    rows: MutableRows
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.rows, list):
            self.rows = Kept(self.rows)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a count."""
        self.counts[name] = self.counts.get(name, 0) + number

    def write(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the rows as JSONL, all or nothing.

        Raises:
            DataError: there are no rows.
            OutputError: the file already exists, or cannot be written.
        """
        goal = Path(path)
        if not self.rows:
            counts = ", ".join(f"{number} {name}" for name, number in self.counts.items())
            raise DataError(f"Nothing was built ({counts}), so no file is written.", where=str(goal))
        require_free(goal, overwrite)
        write_rows(goal, self.rows, "The rows")


def require_free(path: str | Path, overwrite: bool, inputs: Iterable[Any] = ()) -> None:
    """Check that rows can be written to a path, before any work.

    Raises:
        OutputError: the file is an input, exists and may not be replaced, or its name does not end in .jsonl.

    Example:
        >>> require_free("rows.csv", False)
        Traceback (most recent call last):
        penchant.errors.OutputError: rows.csv: The rows are written as JSON lines. Choose a name that ends in .jsonl.
    """
    goal = Path(path)
    if goal.suffix != ".jsonl" and not is_stream(goal):
        raise OutputError(
            "The rows are written as JSON lines.", where=str(goal), fix="Choose a name that ends in .jsonl."
        )
    claim_file(goal, option="--output", overwrite=overwrite, inputs=inputs)


def as_row(record: Record) -> dict[str, Any]:
    """A copy of a record as a row that reads back as the same record.

    Example:
        >>> as_row(Comparison(prompt="Hi", chosen="Hello!", rejected="What?", fields={"id": 7}))
        {'prompt': 'Hi', 'chosen': 'Hello!', 'rejected': 'What?', 'id': 7}
    """
    own = {
        entry.name: getattr(record, entry.name)
        for entry in dataclass_fields(record)
        if entry.name not in ("source", "fields", "tools", "template_arguments")
    }
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
    kept = {name: value for name, value in plain.items() if value is not None}
    return deepcopy({**kept, **record.fields, **template_columns(record)})


def comparisons(records: Iterable[Record], builder: str) -> Sequence[Comparison]:
    """The records, after a check that all are comparisons of texts.

    Raises:
        DataError: a record is of another kind, or compares images.
    """
    return kept(_comparisons(records, builder))


def responded(records: Iterable[Record], builder: str) -> Sequence[Record]:
    """The records, after a check that all are comparisons, or all are demonstrations, of texts.

    Raises:
        DataError: a record is of another kind, or has images.
    """
    return kept(_responded(records, builder))


def _responded(records: Iterable[Record], builder: str) -> Iterator[Record]:
    each = iter(records)
    first = next(each, None)
    if first is None:
        return
    if not isinstance(first, Demonstration):
        yield from _comparisons(chain([first], each), builder)
        return
    for record in chain([first], each):
        if not isinstance(record, Demonstration) or not isinstance(record.completion, str | list):
            raise DataError(
                f"{builder} reads demonstrations of texts here, but this is a record of kind {record.kind!r}.",
                where=str(record.source),
                fix="Give files of one kind: with prompt and completion, or with prompt, chosen and rejected.",
            )
        yield record


def _comparisons(records: Iterable[Record], builder: str) -> Iterator[Comparison]:
    for record in records:
        if not isinstance(record, Comparison):
            raise DataError(
                f"{builder} needs comparisons, but this is a record of kind {record.kind!r}.",
                where=str(record.source),
                fix="Give a file with prompt, chosen and rejected.",
            )
        if not all(isinstance(each, str | list) for each in record.responses):
            raise DataError(f"{builder} needs responses of text.", where=str(record.source))
        yield record


def read_template(path: str | Path) -> str:
    """The text of a template file, without surrounding newlines.

    Raises:
        ConfigurationError: the file cannot be read.

    Example:
        >>> read_template("absent.txt")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: absent.txt: The template cannot be read: No such file or directory.
    """
    try:
        return Path(path).read_text(encoding="utf-8").strip("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"The template cannot be read: {reason}.", where=str(path)) from error
