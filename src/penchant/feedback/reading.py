"""`read`, which reads and validates feedback from files, data sets and collections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from penchant.errors import ConfigurationError, DataError, MisreadError, nearest
from penchant.feedback.collection import Feedback, Origin
from penchant.feedback.conversion.ties import all_ties, is_tie
from penchant.feedback.field_mapping import FieldMapping
from penchant.feedback.files import typed_cells
from penchant.feedback.images import located
from penchant.feedback.kept import Kept, kept
from penchant.feedback.known.table import Conversion, SeveralRows, converted
from penchant.feedback.layouts import build, recognise, rename
from penchant.feedback.memory import memory_rows
from penchant.feedback.nested import columns_of
from penchant.feedback.places import Opened, is_list_of_paths, open_places
from penchant.feedback.raw.lines import Line, Lines
from penchant.feedback.records import KINDS, Record, Source
from penchant.feedback.system_turn import with_system
from penchant.feedback.unrecognised import unrecognised

__all__ = ["Feedback", "OnBad", "Ties", "TrainOn", "read"]

OnBad = Literal["stop", "skip"]
TrainOn = Literal["last", "assistant"]
Ties = Literal["leave_out", "keep"]


def read(
    source: Any,
    *,
    mapping: Mapping[str, str] | None = None,
    kind: str | None = None,
    split: str | None = None,
    on_bad: OnBad = "stop",
    train_on: TrainOn = "last",
    ties: Ties = "leave_out",
) -> Feedback:
    """Read feedback, recognise its layout, and validate every record; all records are of one kind.

    Args:
        source: a path (.jsonl, .ndjson, .json, .csv, .tsv, also with .gz; .parquet, .arrow), a folder saved by
            ``datasets`` or with shards, a pattern (``data/*.jsonl``), a list of these, an id on the hub, a ``datasets``
            object, a frame of pandas or polars, a table of pyarrow, a list of these, a dictionary of columns, or an
            iterable of dictionaries.
        mapping: field names to what they are read from (see `penchant.feedback.field_mapping.FieldMapping`): a column,
            ``{"chosen": "better"}``, a path, a template over columns, or a constant.
        kind: one of `KINDS`; recognised from the columns if not given.
        split: read only this split: of a data set with splits, or the rows whose column ``split`` has this value.
        on_bad: ``stop`` at the first bad record, or ``skip`` bad records; their errors are in ``.bad`` of the result.
        train_on: what a conversation teaches: its ``last`` answer, or every turn of the ``assistant``, with the turns
            of others as context. With ``assistant``, compared conversations may part before the last answer.
        ties: comparisons whose ``probability`` is one half, such as a row with the winner "tie": ``leave_out`` leaves
            them out and counts them in ``.ties`` of the result, ``keep`` keeps them.

    Raises:
        DataError: the source cannot be read, a record is bad (``stop``), all records are bad (``skip``), or all are
            ties that would be left out.
        MisreadError: a record shows that others are misread too, whatever ``on_bad`` is.
        ConfigurationError: an unknown kind, ``on_bad``, ``train_on`` or ``ties``.

    Example:
        >>> read([{"prompt": "Hi", "better": "Hello!", "rejected": "No."}], mapping={"chosen": "better"}).kind
        'comparison'
    """
    _check_options(kind, on_bad, train_on, ties)
    name, lines = _lines(source, split)
    columns, mapped = tuple(columns_of(lines.rows)), dict(mapping or {})
    fields = FieldMapping(mapped, lines.rows, name)
    ready, layout, left_out = _converted(lines, partial(_of_split, lines, fields, split, name), kind)
    origin = Origin(columns, mapped, kind, left_out)
    asked, kind = kind is not None, kind or _common_kind(ready, name)
    records, bad, left = _records(
        ready, kind, name, stop=on_bad == "stop", every_turn=train_on == "assistant", ties=ties == "keep", asked=asked
    )
    feedback = Feedback(records, kind=kind, name=name, bad=bad, origin=origin, ties=left)
    feedback.layout = layout
    return feedback


def _lines(source: Any, split: str | None) -> tuple[str, Lines]:
    """Name of the source, and its rows."""
    name, opened = _open(source, split)
    lines = Lines(opened)
    filled = set()
    for each in opened:
        for number, row in each.rows:
            lines.add(each, number, _of_shard(row, each))
            filled.add(each.name)
    # Shards of a folder or a pattern may be empty; a file that is named must have something to say.
    named = [str(each) for each in source] if is_list_of_paths(source) else []
    empty = name if not lines else next((each for each in named if Path(each).is_file() and each not in filled), None)
    if empty is not None:
        raise DataError("The data has no records.", where=empty, fix="Check that the right file is given.")
    return name, lines


def _converted(lines: Lines, rows: Callable[[], Iterator[Line]], kind: str | None) -> tuple[Lines, str, str]:
    """The rows in our fields, the layout that was recognised, and what it left out."""
    ready = Lines(lines.opened)
    conversion = Conversion(kind)
    try:
        for line in rows():
            ready.add(line.opened, line.place.line, conversion.row(line.row, line.place))
    except SeveralRows:
        # Records that span several rows are found among all rows, which are on disk if they are many.
        ready = every = Lines(lines.opened)
        for line in rows():
            every.add(line.opened, line.place.line, line.row)
        places = every.places
        found = converted((line.row for line in every), places, kind)
        ready = Lines(lines.opened)
        for at, row in found.rows:
            ready.add(places.opened(at), places[at].line, row)
        return ready, found.layout, found.left_out
    if conversion.context:
        alone, ready = ready, Lines(lines.opened)
        for place, row, opened in alone:
            ready.add(opened, place.line, conversion.in_context(row, place))
    return ready, conversion.layout, ""


def _of_shard(row: dict[str, Any] | DataError, opened: Opened) -> dict[str, Any] | DataError:
    if opened.split is None or not isinstance(row, dict):
        return row
    return {"split": opened.split, **row}


def _check_options(kind: str | None, on_bad: str, train_on: str, ties: str) -> None:
    if kind is not None and kind not in KINDS:
        raise ConfigurationError(f"There is no kind of feedback {kind!r}.", fix=nearest(kind, KINDS))
    if on_bad not in get_args(OnBad):
        raise ConfigurationError(f"on_bad is {on_bad!r}.", fix=nearest(str(on_bad), get_args(OnBad)))
    if train_on not in get_args(TrainOn):
        raise ConfigurationError(f"train_on is {train_on!r}.", fix=nearest(str(train_on), get_args(TrainOn)))
    if ties not in get_args(Ties):
        raise ConfigurationError(f"ties is {ties!r}.", fix=nearest(str(ties), get_args(Ties)))


def _records(
    rows: Lines, kind: str, name: str, *, stop: bool, every_turn: bool, ties: bool, asked: bool
) -> tuple[Sequence[Record], list[DataError], int]:
    """The records, the errors of the bad rows, and the number of ties that were left out."""
    # Asked of the file system once per file.
    folders = {each.name: each.folder for each in rows.opened}
    records: Kept[Record] = Kept()
    bad: list[DataError] = []
    left = 0
    for place, row, opened in rows:
        try:
            record = _record(kind, _of_kind(kind, row, place, asked), place, folders[opened.name], every_turn)
            if ties or not is_tie(record):
                records.append(record)
            else:
                left += 1
        except DataError as error:
            if isinstance(error, MisreadError):
                raise
            if stop:
                raise _stopped(error, len(records) + left, len(rows)) from error
            bad.append(error.with_traceback(None))  # which holds the row, and all that was there
    if left and not records:
        raise all_ties(left, name)
    if not records:
        raise DataError(
            f"All {len(bad)} records are bad. The first: {bad[0]}",
            where=name,
            fix=None if bad[0].fix else "Check the layout with --map.",
        )
    return kept(records), bad, left


def _stopped(error: DataError, good: int, total: int) -> DataError:
    so_far = f"Checked {good + 1} of {total} records: {good} good, then this one."
    fix = f"{error.fix} " if error.fix else ""
    return DataError(
        error.what,
        where=error.where,
        why=error.why,
        fix=f"{fix}{so_far} With --on-bad skip (on_bad='skip') bad records are skipped and counted.",
    )


def _open(source: Any, split: str | None) -> tuple[str, list[Opened]]:
    """Name of the source, and its files or data sets."""
    if isinstance(source, str | Path):
        opened = open_places(source, split)
        # A pattern and a folder keep their own name; a path may have been written with ~.
        return (opened[0].name if len(opened) == 1 else str(source)), opened
    if is_list_of_paths(source):
        return _named(source), open_places(source, split)
    return "memory", [Opened("memory", memory_rows(source, split))]


def _named(paths: Sequence[str | Path]) -> str:
    """A few paths by name."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(map(str, paths[:3])) + more


def _renamed_row(line: Line, fields: FieldMapping) -> dict[str, Any] | DataError:
    if not isinstance(line.row, dict):
        return line.row
    try:
        row = rename(fields.apply(line.row, str(line.place)), {})
    except DataError as error:
        return error
    row = typed_cells(row) if line.opened.textual else row
    return with_system(row, line.place) if "system" in fields.sources else row


def _of_split(lines: Lines, fields: FieldMapping, split: str | None, name: str) -> Iterator[Line]:
    """The lines of a split, renamed; unreadable lines are kept, since their split is unknown."""
    if split is None:
        return (line._replace(row=_renamed_row(line, fields)) for line in lines)
    renamed = (_renamed_row(line, fields) for line in lines)
    there = Counter(str(row["split"]) for row in renamed if isinstance(row, dict) and row.get("split") is not None)
    if split not in there:
        hint = "" if there else " No record has a column 'split'."
        raise DataError(
            f"There is no split {split!r}.{hint}",
            where=name,
            fix=nearest(split, there) if there else "Omit the option --split, or name the column: --map split=COLUMN.",
        )
    every = (line._replace(row=_renamed_row(line, fields)) for line in lines)
    return (line for line in every if isinstance(line.row, DataError) or str(line.row.get("split")) == split)


def _common_kind(rows: Lines, name: str) -> str:
    """The most frequent kind; in a tie, the one that occurs first."""
    kinds = Counter(kind for row in rows.rows if (kind := recognise(row)))
    if kinds:
        return kinds.most_common(1)[0][0]
    for row in rows.rows:
        raise unrecognised(row, name)
    first = next(iter(rows)).row
    assert isinstance(first, DataError)
    # The remedy of the first is that of all.
    fix = None if first.fix else "Check the file's format."
    raise DataError(f"No record can be read. The first: {first}", where=name, fix=fix)


def _of_kind(kind: str, row: dict[str, Any] | DataError, source: Source, asked: bool) -> dict[str, Any]:
    """A row that can be read as the kind, which the user asked for or most rows have."""
    if isinstance(row, DataError):
        raise row
    own = recognise(row)
    if own is None or own == kind or _contains(own, kind, row):
        return row
    looks = f"The record looks like a {own} (columns: {', '.join(map(str, row))})"
    if asked:
        raise DataError(
            f"{looks}, and the kind {kind!r} was asked for.",
            where=str(source),
            why="Its columns are not those of that kind.",
            fix="Leave --kind (kind=) out, or name the columns with --map.",
        )
    raise DataError(
        f"{looks}, the others are of kind {kind!r}.",
        where=str(source),
        why="All records of a file must be of one kind.",
        fix="Move it to a separate file.",
    )


def _record(kind: str, row: dict[str, Any], source: Source, folder: Path | None, every_turn: bool) -> Record:
    placed = located(row, folder, None if source.file == Source().file else source)
    return build(kind, placed, source, every_turn=every_turn)


def _contains(own: str, kind: str, row: Mapping[str, Any]) -> bool:
    """Whether a row recognised as another kind has all fields of ``kind``."""
    needs = {
        "prompt": ("prompt",),
        "demonstration": ("prompt", "completion"),
        "judgement": ("completion", "label"),
        "joint comparison": ("chosen", "rejected"),
    }
    return all(field in row for field in needs.get(kind, ("?",)))
