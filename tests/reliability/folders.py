"""`differences` between the folders of two commands that should have ended alike: names, bytes, numbers, warnings."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import torch

__all__ = ["differences", "unfinished"]

# Times, and rates that follow from them.
TIMES = ("seconds", "_per_second", "train_runtime")
# Whether numbers were computed or came from the cache.
CACHED = ("reference_found", "reference_computed")
# An id that each run draws for itself, and the hashes and sizes of files that hold it or times.
DRAWN = ("run", "run_id", "id", "created", "started", "holder", "sha256", "size", "bytes")
# A resumed run may say that it passed over what the kill cut short.
PASSED_OVER = "falling back"
# Files whose bytes hold times or ids; what they stand for is compared by the files beside them.
UNCOMPARED = ("training_args.bin", "complete.json", ".lock")


def differences(whole: Path, other: Path) -> list[str]:
    """What differs between the folder of an uninterrupted command and that of one that was killed and went on."""
    names = [_names(whole), _names(other)]
    found = [f"{name} is missing" for name in sorted(names[0] - names[1])]
    found += [f"{name} is left over" for name in sorted(names[1] - names[0])]
    for name in sorted(names[0] & names[1]):
        if not name.endswith(UNCOMPARED) and _content(whole / name) != _content(other / name):
            found.append(f"{name} differs{_where(_content(whole / name), _content(other / name))}")
    return found


def unfinished(path: Path) -> str | None:
    """What shows that a file was cut short, if anything does."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".html":
        return None if text.rstrip().endswith("</html>") else "the page has no end"
    if path.suffix in (".json", ".jsonl"):
        try:
            [json.loads(part) for part in ([text] if path.suffix == ".json" else text.splitlines())]
        except ValueError as error:
            return str(error)
        return None if text.endswith("\n") or path.suffix == ".json" else "the last line has no end"
    return None


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def _content(path: Path) -> Any:
    """The content of a file without times and ids."""
    if path.suffix == ".jsonl":
        return [_timeless(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".json":
        return _timeless(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".pt" and path.name.startswith("state-"):
        return _plain(torch.load(path, map_location="cpu", weights_only=False))
    if path.suffix == ".sqlite":
        connection = sqlite3.connect(path)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        content = {name: sorted(connection.execute(f"SELECT * FROM {name}")) for name in tables}
        connection.close()
        return content
    if path.suffix == ".html":
        text = path.read_text(encoding="utf-8")
        return ("</html>" in text[-20:], 'http-equiv="refresh"' in text)
    return path.read_bytes()


def _plain(value: Any, key: str = "") -> Any:
    """The state of an online run with tensors as bytes, without the lines of the log, which is compared by itself."""
    if isinstance(value, torch.Tensor):
        return (tuple(value.shape), str(value.dtype), value.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    if isinstance(value, dict):
        return {str(name): _plain(each, str(name)) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if key == "notes" and isinstance(value, str):
        return _timeless({name: each for name, each in json.loads(value).items() if name != "metrics"})
    return value if isinstance(value, int | float | str | bytes | bool | None) else repr(value)


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if not key.endswith(TIMES) and key not in (*DRAWN, *CACHED)}
        if isinstance(kept.get("warnings"), list):
            kept["warnings"] = [text for text in kept["warnings"] if PASSED_OVER not in str(text)]
        return {key: _timeless(each) for key, each in kept.items()}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _where(first: Any, second: Any, place: str = "") -> str:
    """The first place at which two contents differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in first.keys() | second.keys():
            if first.get(key) != second.get(key):
                return _where(first.get(key), second.get(key), f"{place}.{key}")
    if isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            return f" at {place or 'the top'}: {len(first)} entries became {len(second)}"
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            if one != other:
                return _where(one, other, f"{place}[{number}]")
    if isinstance(first, bytes):
        return f" ({len(first)} and {len(second)} bytes)"
    return f" at {place or 'the top'}: {first!r:.120} became {second!r:.120}"
