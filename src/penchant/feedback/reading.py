"""`read`, which reads and validates feedback from files, data sets and collections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback import validation
from penchant.feedback.collection import Feedback
from penchant.feedback.datasets import hub_rows, looks_like_hub_id, saved_rows, set_rows
from penchant.feedback.files import FORMATS, Row, file_rows, typed_cells
from penchant.feedback.images import located
from penchant.feedback.known.table import converted
from penchant.feedback.layouts import build, recognise, rename
from penchant.feedback.records import KINDS, Record, Source

__all__ = ["Feedback", "OnBad", "TrainOn", "read"]

OnBad = Literal["stop", "skip"]
TrainOn = Literal["last", "assistant"]


def read(
    source: Any,
    *,
    mapping: Mapping[str, str] | None = None,
    kind: str | None = None,
    split: str | None = None,
    on_bad: OnBad = "stop",
    train_on: TrainOn = "last",
) -> Feedback:
    """Read feedback, recognise its layout, and validate every record; all records are of one kind.

    Args:
        source: a path (.jsonl, .jsonl.gz, .json, .csv, .parquet, a saved ``datasets`` folder), an id on the hub,
            a ``datasets`` object, or an iterable of dictionaries.
        mapping: field names to column names, ``{"chosen": "better"}``.
        kind: one of `KINDS`; recognised from the columns if not given.
        split: read only this split: of a data set with splits, or the rows whose column ``split`` has this value.
        on_bad: ``stop`` at the first bad record, or ``skip`` bad records; their errors are in ``.bad`` of the result.
        train_on: what a conversation teaches: its ``last`` answer, or every turn of the ``assistant``, with the turns
            of others as context. With ``assistant``, compared conversations may part before the last answer.

    Raises:
        DataError: the source cannot be read, a record is bad (``stop``), or all records are bad (``skip``).
        ConfigurationError: an unknown kind, ``on_bad`` or ``train_on``.

    Example:
        >>> read([{"prompt": "Hi", "better": "Hello!", "rejected": "No."}], mapping={"chosen": "better"}).kind
        'comparison'
    """
    _check_options(kind, on_bad, train_on)
    name, rows = _rows(source, mapping or {}, split)
    ready = converted([row for _, row in rows], [Source(Path(name).name, line) for line, _ in rows], kind)
    rows = [(rows[at][0], row) for at, row in ready.rows]
    kind = kind or _common_kind(rows, name)
    records, bad = _records(rows, kind, name, stop=on_bad == "stop", every_turn=train_on == "assistant")
    feedback = Feedback(records, kind=kind, name=name, bad=bad)
    feedback.layout = ready.layout
    return feedback


def _rows(source: Any, mapping: Mapping[str, str], split: str | None) -> tuple[str, list[Row]]:
    """Name of the source, and the rows of the split with renamed columns."""
    name, found, textual = _open(source, split)
    rows = list(found)
    if not rows:
        raise DataError("The data has no records.", where=name, fix="Check that the right file is given.")
    return name, _of_split(_renamed(rows, mapping, name, textual), split, name)


def _check_options(kind: str | None, on_bad: str, train_on: str) -> None:
    if kind is not None and kind not in KINDS:
        raise ConfigurationError(f"There is no kind of feedback {kind!r}.", fix=nearest(kind, KINDS))
    if on_bad not in get_args(OnBad):
        raise ConfigurationError(f"on_bad is {on_bad!r}.", fix=nearest(str(on_bad), get_args(OnBad)))
    if train_on not in get_args(TrainOn):
        raise ConfigurationError(f"train_on is {train_on!r}.", fix=nearest(str(train_on), get_args(TrainOn)))


def _records(
    rows: list[Row], kind: str, name: str, *, stop: bool, every_turn: bool
) -> tuple[list[Record], list[DataError]]:
    """The records, and the errors of the bad rows."""
    folder = Path(name).parent if Path(name).is_file() else Path()
    records: list[Record] = []
    bad: list[DataError] = []
    for line, row in rows:
        try:
            records.append(_record(kind, row, Source(Path(name).name, line), folder, every_turn))
        except DataError as error:
            if stop:
                raise _stopped(error, len(records), len(rows)) from error
            bad.append(error)
    if not records:
        raise DataError(
            f"All {len(bad)} records are bad. The first: {bad[0]}", where=name, fix="Check the layout with --map."
        )
    return records, bad


def _stopped(error: DataError, good: int, total: int) -> DataError:
    so_far = f"Checked {good + 1} of {total} records: {good} good, then this one."
    fix = f"{error.fix} " if error.fix else ""
    return DataError(
        error.what,
        where=error.where,
        why=error.why,
        fix=f"{fix}{so_far} With --on-bad skip (on_bad='skip') bad records are skipped and counted.",
    )


def _open(source: Any, split: str | None) -> tuple[str, Iterable[Row], bool]:
    """Name of the source, its rows, and whether all cells are text (CSV)."""
    if not isinstance(source, str | Path):
        if isinstance(source, Mapping) and not all(hasattr(part, "__iter__") for part in source.values()):
            raise DataError("The data is one dictionary, expected an iterable of rows.", fix="Put it into a list.")
        return "memory", _memory_rows(source, split), False
    path = Path(source).expanduser()
    if path.is_dir():
        return str(path), saved_rows(path, split), False
    if path.is_file():
        return str(path), file_rows(path), path.suffix.lower() == ".csv"
    if isinstance(source, str) and looks_like_hub_id(source):
        return source, hub_rows(source, split), False
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    readable = [entry for entry in beside if entry.lower().endswith(tuple(FORMATS))]
    close = nearest(path.name, readable)
    raise DataError(
        "There is no such file.",
        where=str(source),
        fix=close
        if close.startswith("Did you mean")
        else "Check the path; relative paths start at the current folder.",
    )


def _memory_rows(source: Any, split: str | None) -> Iterator[Row]:
    if not hasattr(source, "__iter__"):
        raise DataError(f"The data is {type(source).__name__}, expected a path, a data set, or an iterable of rows.")
    if isinstance(source, Mapping):
        yield from set_rows(source, split, "memory")
        return
    for number, row in enumerate(source, start=1):
        if isinstance(row, Mapping):
            yield number, dict(row)
        else:
            yield (
                number,
                DataError(
                    f"The record is {validation.described(row)}, expected a dictionary.", where=f"memory:{number}"
                ),
            )


def _renamed(rows: list[Row], mapping: Mapping[str, str], name: str, textual: bool) -> list[Row]:
    columns = {str(column): None for _, row in rows if isinstance(row, dict) for column in row}
    for ours, theirs in mapping.items():
        if columns and theirs not in columns:
            raise DataError(
                f"The mapping {ours}={theirs} names the column {theirs!r}, which no record has.",
                where=name,
                fix=nearest(theirs, columns),
            )
    named: list[Row] = []
    for line, row in rows:
        if isinstance(row, dict):
            row = rename(row, mapping)
            row = typed_cells(row) if textual else row
        named.append((line, row))
    return named


def _of_split(rows: list[Row], split: str | None, name: str) -> list[Row]:
    """The rows of a split; unreadable lines are kept, since their split is unknown."""
    if split is None:
        return rows
    there = Counter(str(row["split"]) for _, row in rows if isinstance(row, dict) and row.get("split") is not None)
    if split not in there:
        hint = "" if there else " No record has a column 'split'."
        raise DataError(
            f"There is no split {split!r}.{hint}",
            where=name,
            fix=nearest(split, there) if there else "Omit the option --split, or name the column: --map split=COLUMN.",
        )
    return [(line, row) for line, row in rows if isinstance(row, DataError) or str(row.get("split")) == split]


def _common_kind(rows: list[Row], name: str) -> str:
    """The most frequent kind; in a tie, the one that occurs first."""
    kinds = Counter(kind for _, row in rows if isinstance(row, dict) and (kind := recognise(row)))
    if kinds:
        return kinds.most_common(1)[0][0]
    for _, row in rows:
        if isinstance(row, dict):
            error = validation.missing("prompt", row, Source(Path(name).name, 1))
            meant = [validation.suggestion(field, row) for field in ("prompt", "completion", "chosen", "rejected")]
            hints = dict.fromkeys(hint for hint in meant if hint.startswith("Did you mean"))
            raise DataError(
                f"The layout is not recognised: {error.what.split('. ', 1)[1]}",
                where=name,
                why="Expected prompt + chosen + rejected; prompt + completion (+ label); prompt + completions + scores "
                "or ranks; messages; or prompt. For images prompt + chosen_image + rejected_image; prompt + image "
                "(+ label).",
                fix=" ".join(hints) or "Name the columns: --map prompt=COLUMN --map completion=COLUMN.",
            )
    first = rows[0][1]
    assert isinstance(first, DataError)
    raise DataError(f"No record can be read. The first: {first}", where=name, fix="Check the file's format.")


def _record(
    kind: str, row: dict[str, Any] | DataError, source: Source, folder: Path, every_turn: bool = False
) -> Record:
    if isinstance(row, DataError):
        raise row
    own = recognise(row)
    if own is not None and own != kind and not _contains(own, kind, row):
        raise DataError(
            f"The record looks like a {own} (columns: {', '.join(map(str, row))}), the others are of kind {kind!r}.",
            where=str(source),
            why="All records of a file must be of one kind.",
            fix="Move it to a separate file.",
        )
    return build(kind, located(row, folder), source, every_turn=every_turn)


def _contains(own: str, kind: str, row: Mapping[str, Any]) -> bool:
    """Whether a row recognised as another kind has all fields of ``kind``."""
    needs = {
        "prompt": ("prompt",),
        "demonstration": ("prompt", "completion"),
        "judgement": ("completion", "label"),
        "joint comparison": ("chosen", "rejected"),
    }
    return all(field in row for field in needs.get(kind, ("?",)))
