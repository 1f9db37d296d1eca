"""Rows of JSON lines, JSON, CSV, Parquet and Arrow files, each with its line number."""

from __future__ import annotations

import codecs
import csv
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penchant.documents import json_document
from penchant.errors import DataError, nearest
from penchant.feedback.kept import kept
from penchant.feedback.raw.expansion import arrow_batches, parquet_batches, unzipped
from penchant.feedback.raw.json_objects import loads, objects
from penchant.feedback.raw.streams import UNREADABLE, first_line, open_text, text_lines
from penchant.feedback.raw.tables import object_rows
from penchant.feedback.records import Source
from penchant.feedback.validation import NUMERIC
from penchant.feedback.values import described, whole
from penchant.plain_files import usable

__all__ = ["FORMATS", "Row", "file_rows", "sound_rows", "typed_cells"]

# Line number (from 1) and the row, or the error of the line.
Row = tuple[int, dict[str, Any] | DataError]

# Fields whose CSV cells are JSON lists.
_LISTS = ("messages", "completions", "responses", "scores", "ranks")


def _text(path: Path) -> str:
    """The file's text, decompressed if necessary, without a byte-order mark."""
    try:
        with unzipped(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read()
        # Spreadsheets save UTF-16 with a byte-order mark.
        return raw.decode("utf-16" if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError(
            f"The file is not {error.encoding.upper()} text: byte {raw[error.start]:#04x} cannot be decoded.",
            where=f"{path}:{line}",
            fix="It is compressed with gzip: let its name end in .gz."
            if raw[:2] == b"\x1f\x8b"
            else "Save it as UTF-8.",
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        damaged = path.suffix == ".gz" and not isinstance(error, FileNotFoundError | PermissionError)
        raise DataError(
            f"The file cannot be read: {'the gzip file is damaged: ' if damaged else ''}{error}.",
            where=str(path),
            fix="Get or make the file again." if damaged else None,
        ) from error


def _as_row(value: Any, where: str) -> dict[str, Any] | DataError:
    if isinstance(value, dict):
        return value
    return DataError(
        f"The line is {type(value).__name__} {str(value)[:40]!r}, expected an object with named fields.", where=where
    )


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """What goes wrong while a file is read in pieces, as the error of `_text`."""
    try:
        yield
    except UNREADABLE:
        _text(path)
        raise


def _json_lines(path: Path) -> Iterator[Row]:
    with _damage_named(path):
        first = first_line(path).strip()
    if first[:1] in ("{", "[") and not (first[0] == "{" and first[-1] == "}") and (found := objects(_text(path))):
        yield from found  # one list, or objects that span several lines
        return
    with _damage_named(path):
        yield from _each_line(path)


def _each_line(path: Path) -> Iterator[Row]:
    for number, line in enumerate(text_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path.name}:{number}"
        try:
            yield number, _as_row(loads(line), where)
        except json.JSONDecodeError as error:
            yield (
                number,
                DataError(
                    f"The line is not JSON: {error.msg} at character {error.pos + 1} of {line.strip()[:40]!r}.",
                    where=where,
                    why="Each line of a .jsonl file is one JSON object.",
                    fix=_remedy(line.strip()),
                ),
            )


def _remedy(line: str) -> str:
    """What to do with a line that is not JSON."""
    if line.endswith("},"):
        return "Remove the comma after the object: sed 's/},$/}/'."
    if re.search(r",\s*[}\]]", line) and not re.search(r"'\s*:", line):
        return "Remove the comma before the closing bracket, or the line."
    if re.match(r"\{\s*'", line):
        return "It is written as Python writes it: json.dumps(row) instead of str(row)."
    return "Correct or remove the line."


def _json(path: Path) -> Iterator[Row]:
    text = _text(path)
    if not text.strip():
        return
    try:
        value = loads(text)
    except json.JSONDecodeError as error:
        if found := objects(text):
            yield from found
            return
        fix = "Correct it; if each line is one object, name the file .jsonl."
        raise DataError(f"The file is not JSON: {error.msg}.", where=f"{path}:{error.lineno}", fix=fix) from error
    if isinstance(value, dict):
        value = object_rows(value, str(path))
    if not isinstance(value, list):
        raise DataError(
            f"The file is {described(value)}, expected a list of objects, or an object with a list 'data'.",
            where=str(path),
        )
    yield from ((number, _as_row(row, f"{path.name}:{number}")) for number, row in enumerate(value, start=1))


def _delimiter(header: str) -> str:
    """A comma, unless the header has none and is divided by semicolons or tabs."""
    return next((mark for mark in ";\t" if mark in header and "," not in header), ",")


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)
    with _damage_named(path):
        header = first_line(path)
    with _damage_named(path), open_text(path) as text:
        yield from _cells(path, text, header)


def _cells(path: Path, text: Iterable[str], header: str) -> Iterator[Row]:
    mark = _delimiter(header)
    # "prompt, chosen": what follows the mark and a space is the cell, quoted or not.
    spaced = f"{mark} " in header
    reader = csv.DictReader(text, strict=True, delimiter=mark, skipinitialspace=spaced)
    start = 2
    try:
        reader.fieldnames = _header(reader.fieldnames or [], path)
        for row in reader:
            if None in row or None in row.values():
                found = sum(value is not None for key, value in row.items() if key is not None)
                found += len(row.get(None) or [])  # type: ignore[call-overload]
                expected = len(reader.fieldnames or [])
                yield (
                    start,
                    DataError(
                        f"The row has {found} cells, but the header has {expected} columns.",
                        where=f"{path.name}:{start}",
                        fix="Quote cells that contain commas or newlines.",
                    ),
                )
            else:
                yield start, dict(row)
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"The file is not CSV: {error}.", where=f"{path}:{reader.line_num}") from error


def _header(names: Iterable[str], path: Path) -> list[str]:
    """The names of the columns, without white space around them.

    Raises:
        DataError: two columns have one name, so only the last would be read.
    """
    found = [name.strip() for name in names]
    twice = next((name for name in found if name and found.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"The column {twice!r} is there twice.", where=f"{path}:1", fix="Rename or remove one of them.")
    return found


def typed_cells(row: dict[str, Any]) -> dict[str, Any]:
    """A CSV row with lists and numbers parsed for the fields that have them; other cells stay text.

    Example:
        >>> typed_cells({"prompt": "[1]", "scores": "[1, 0.5]", "margin": "2", "weight": ""})
        {'prompt': '[1]', 'scores': [1, 0.5], 'margin': 2.0, 'weight': None}
    """
    return {name: _typed(name, value) for name, value in row.items()}


def _typed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in NUMERIC:
        try:
            return float(value) if value.strip() else None
        except ValueError:
            return value
    if name in _LISTS and value.startswith("["):
        try:
            return json_document(value)
        except ValueError:
            return value
    return value


#: Rows of a columnar file that are read at once.
ROWS = 1024


def _parquet(path: Path) -> Iterator[Row]:
    yield from _columnar(path, "Parquet", parquet_batches)


def _arrow(path: Path) -> Iterator[Row]:
    yield from _columnar(path, "Arrow", arrow_batches)


def _columnar(path: Path, name: str, batches: Callable[[Path], Iterable[Any]]) -> Iterator[Row]:
    """The rows of a columnar file, batch by batch."""
    number = 0
    try:
        for batch in batches(path):
            for start in range(0, batch.num_rows, ROWS):
                rows = batch.slice(start, ROWS).to_pylist()
                yield from enumerate(rows, start=number + 1)
                number += len(rows)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"The file is not {name}: {error}.", where=str(path)) from error


FORMATS: dict[str, Callable[[Path], Iterable[Row]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".jsonl.gz": _json_lines,
    ".json": _json,
    ".json.gz": _json,
    ".csv": _csv,
    ".csv.gz": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".arrow": _arrow,
}


#: What to do with files of other formats that hold data.
_OTHERS: dict[tuple[str, ...], str] = {
    (".tar", ".tgz", ".zip", ".7z", ".rar"): "Unpack the archive, and give the folder or a file of it.",
    (".zst", ".bz2", ".xz", ".lz4"): "Decompress it (zstd -d, bunzip2, unxz, lz4 -d), or compress it with gzip.",
    (".xlsx", ".xls", ".ods"): "Save the sheet as CSV.",
    (".pkl", ".pickle", ".pt", ".npy", ".npz"): "Reading it could run code of its author. Write it as Parquet: "
    "frame.to_parquet.",
    (".feather",): "Rename it to .arrow if it is Feather of version 2, which is Arrow's file format.",
    (".sqlite", ".db", ".duckdb"): "Export the table as CSV or Parquet.",
    (".yaml", ".yml", ".toml", ".txt", ".md", ".xml", ".html"): "Write one JSON object a line, as .jsonl.",
}


def file_rows(path: Path) -> Iterable[Row]:
    """Line numbers and rows of a file; its extension determines the format.

    Args:
        path: an existing file.

    Returns:
        line (or row) number from 1, and the row or its error.

    Raises:
        DataError: the extension is unknown, or the file cannot be read.

    Example:
        >>> sorted(FORMATS)
        ['.arrow', '.csv', '.csv.gz', '.json', '.json.gz', '.jsonl', '.jsonl.gz', '.ndjson', '.parquet', '.tsv']
    """
    for ending in sorted(FORMATS, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return FORMATS[ending](path)
    ending = path.suffix or path.name
    advice = next((fix for endings, fix in _OTHERS.items() if path.suffix.lower() in endings), None)
    raise DataError(
        f"The file extension {ending!r} is not supported ({', '.join(FORMATS)}).",
        where=str(path),
        fix=advice or nearest(ending, FORMATS),
    )


def sound_rows(path: Path) -> Sequence[dict[str, Any]]:
    """The rows of a file; a bad row is an error.

    Args:
        path: a file.

    Raises:
        DataError: there is no such file, or the file or one of its rows cannot be read.
    """
    if not usable(path, DataError).is_file():
        raise DataError("There is no such file.", where=str(path))
    return kept(_sound(path))


def _sound(path: Path) -> Iterator[dict[str, Any]]:
    for line, row in file_rows(path):
        if isinstance(row, DataError):
            raise row
        whole(row, "the record", Source(path.name, line))
        yield row
