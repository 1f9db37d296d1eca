"""Files of feedback: valid ones of every layout and format, and what becomes of them when they are damaged."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from .values import json_text, word

__all__ = ["data_file", "odd_place", "spoil"]

_USER = {"role": "user", "content": "which colour"}
_GOOD, _BAD = {"role": "assistant", "content": "the red hat"}, {"role": "assistant", "content": "not the hat"}
_TOOL = {"type": "function", "function": {"name": "tram", "parameters": {"type": "object", "properties": {}}}}

#: One valid row of each layout.
LAYOUTS: tuple[dict[str, Any], ...] = (
    {"prompt": "which colour", "chosen": " is red", "rejected": " is not red"},
    {"prompt": [_USER], "chosen": [_GOOD], "rejected": [_BAD]},
    {"chosen": [_USER, _GOOD], "rejected": [_USER, _BAD]},
    {"prompt": "which colour", "completion": " is red", "label": True},
    {"prompt": "which colour", "completions": [" is red", " is blue", " is"], "scores": [1, 0.5, 0]},
    {"prompt": "which colour", "completions": [" is red", " is blue"], "ranks": [1, 2]},
    {"prompt": "which colour", "completion": " is red"},
    {"messages": [_USER, _GOOD]},
    {"messages": [_USER, _GOOD, _USER, _GOOD], "tools": [_TOOL]},
    {"conversations": [{"from": "human", "value": "which"}, {"from": "gpt", "value": "red"}]},
    {"prompt": "which colour", "answer": "4", "responses": ["it is 4", "it is 5"]},
    {"prompt": "which colour"},
    {"instruction": "which colour", "input": "", "output": "red"},
    {"question": "which colour", "response_a": "red", "response_b": "blue", "winner": "model_a"},
    {"prompt": "which", "chosen": "red", "rejected": "blue", "margin": 0.5, "weight": 2, "probability": 0.7},
    {
        "prompt": "which",
        "chosen": "red",
        "rejected": "blue",
        "system": "be good",
        "split": "train",
        "rationale": "it is",
    },
)
_FIELDS = (
    "prompt", "chosen", "rejected", "completion", "completions", "label", "scores", "ranks", "messages", "tools",
    "weight", "margin",
    "probability", "split", "system", "image", "images", "chosen_image", "answer", "responses", "rationale", "input",
    "kind", "winner",
    "conversations", "instruction", "chosen_score", "functions", "chat_template_kwargs", "history", "context", "text",
    "id",
)  # fmt: skip
_ENDINGS = (
    ".jsonl", ".jsonl", ".jsonl", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".ndjson",
    ".jsonl.gz", ".json.gz", ".csv.gz", ".JSONL", ".txt",
)  # fmt: skip

# A row as JSON text by column: text, because a value may be one that no Python value is written as.
Row = list[tuple[str, str]]


def _row(layout: dict[str, Any], number: int) -> Row:
    """A valid row, unlike the other rows of the file."""
    return [(name, json.dumps(value).replace("which", f"which{' very' * number}")) for name, value in layout.items()]


def _mutated(row: Row, random: Random) -> Row:
    """The row with one fault."""
    row, kind = list(row), random.randrange(7)
    at = random.randrange(len(row)) if row else 0
    if kind == 0 and row:
        del row[at]
    elif kind == 1 and row:
        row.append((row[at][0], json_text(random)))  # the key twice
    elif kind == 2:
        row.insert(at, (random.choice(_FIELDS), json_text(random)))
    elif kind == 3 and row:
        row[at] = (row[at][0], f"[{row[at][1]}]")
    elif kind == 4 and row:
        row[at] = (word(random), row[at][1])
    elif row:
        row[at] = (row[at][0], json_text(random))
    return row


def _rows(random: Random) -> list[Row]:
    layout = random.choice(LAYOUTS)
    rows = [_row(layout, number) for number in range(random.choice((1, 2, 3, 6)))]
    for _ in range(random.choice((0, 0, 0, 1, 1, 2))):
        at = random.randrange(len(rows))
        rows[at] = _mutated(rows[at], random)
    if random.random() < 0.1:
        rows.append(_row(random.choice(LAYOUTS), 7))
    return rows


def _object(row: Row) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in row) + "}"


def _lines(rows: list[Row], random: Random) -> bytes:
    lines = [_object(row) for row in rows]
    if random.random() < 0.15:
        lines.insert(random.randrange(len(lines) + 1), json_text(random))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _list(rows: list[Row], random: Random) -> bytes:
    text = "[" + ",\n".join(map(_object, rows)) + "]"
    return (text if random.random() < 0.7 else f'{{"data": {text}}}').encode("utf-8", "surrogatepass")


def _values(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows as Python values; what is no JSON stays text."""
    return [{name: _value(text) for name, text in row} for row in rows]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _table(rows: list[Row], mark: str) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=mark)
    writer.writerow([name for name, _ in rows[0]])
    for row in rows:
        writer.writerow([value if isinstance(value := _value(text), str) else text for _, text in row])
    return file.getvalue().encode("utf-8", "surrogatepass")


def _columns(rows: list[Row], write: Callable[[Any, Any], None]) -> bytes:
    import pyarrow

    try:
        table = pyarrow.Table.from_pylist(_values(rows))
    except (pyarrow.ArrowException, ValueError, TypeError, OverflowError, UnicodeError, RecursionError):
        table = pyarrow.table({name: [text] for name, text in rows[0] if _encodable(name + text)})
    file = io.BytesIO()
    try:
        write(table, file)
    except pyarrow.ArrowException:  # deeper than the format allows, or a structure without fields
        return b""
    return file.getvalue()


def _encodable(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _parquet(table: Any, file: Any) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, file)


def _arrow(table: Any, file: Any) -> None:
    import pyarrow

    with pyarrow.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


def _content(ending: str, rows: list[Row], random: Random) -> bytes:
    ending = ending.lower().removesuffix(".gz")
    if ending == ".json":
        return _list(rows, random)
    if ending in (".csv", ".tsv"):
        return _table(rows, "\t" if ending == ".tsv" else ",")
    if ending in (".parquet", ".arrow"):
        return _columns(rows, _parquet if ending == ".parquet" else _arrow)
    return _lines(rows, random)


def spoil(content: bytes, random: Random) -> bytes:
    """The bytes of a file with damage: cut, flipped, in another encoding, with bytes that belong to nothing."""
    kind = random.randrange(9)
    at = random.randrange(len(content) + 1)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + bytes(random.randrange(256) for _ in range(random.randrange(1, 8))) + content[at:]
    if kind == 2:
        return content[:at] + bytes(min(8, len(content) - at)) + content[at + 8 :]
    if kind == 3:
        end = random.randrange(at, len(content) + 1)
        return content[:end] + content[at:]
    if kind == 4:
        encoding = random.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-7"))
        return content.decode("utf-8", "replace").encode(encoding, "replace")
    if kind == 5:
        return content.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b"\x00\n")))
    if kind == 6:
        return random.choice(
            (b"", b"\n", b"\x00" * 64, b"\x1f\x8b", b"PAR1", b"ARROW1", b"{", b"[", b"\xff\xfe", b"\xff")
        )
    if kind == 7:
        return gzip.compress(content)
    return bytes(random.randrange(256) for _ in range(random.randrange(64)))


def data_file(folder: Path, name: str, random: Random) -> Path:
    """A file of feedback in one of the formats, valid or not."""
    ending = random.choice(_ENDINGS)
    content = _content(ending, _rows(random), random)
    if random.random() < 0.08:
        content = spoil(content, random)
    if ending.endswith(".gz"):
        content = gzip.compress(content)
        if random.random() < 0.3:
            content = spoil(content, random)
    if random.random() < 0.04:
        ending = random.choice(_ENDINGS)
    path = folder / f"{name}{ending}"
    path.write_bytes(content)
    return path


def odd_place(folder: Path, ending: str, random: Random) -> str:
    """A path that names no usual file."""
    path = folder / f"odd{ending}"
    kind = random.randrange(11)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to(path)
    elif kind == 2:
        path.symlink_to(folder / "absent")
    elif kind == 3:
        path.mkdir()
    elif kind == 4:
        path.symlink_to(random.choice(("/dev/null", "/dev/zero", "/proc/self/mem", "/proc/self/environ", "/dev")))
    elif kind == 5:
        return str(folder / ("a" * 300 + ending))
    elif kind == 6:
        return "a/" * 3000 + ending
    elif kind == 7:
        return f"a\x00b{ending}"
    elif kind == 8:
        return f"\udcff{ending}"
    elif kind == 9:
        (folder / "d").mkdir(exist_ok=True)
        (folder / "d" / f"x{ending}").write_bytes(spoil(b'{"prompt": "a"}', random))
        return random.choice((f"{folder}/d", f"{folder}/d/*", f"{folder}/**", "[", "d/[", f"{folder}/d/x{ending}/y"))
    return (
        str(path)
        if kind < 10
        else random.choice(("", " ", ".", "..", "/", "~", "-", "a/b", "owner/name", "\n", "x" + ending))
    )
