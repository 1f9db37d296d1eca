"""Files behind a path, a pattern, a folder of shards, or a list of them."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import DataError, nearest
from penchant.feedback.datasets import cache_folder, hub_rows, looks_like_hub_id, saved_rows
from penchant.feedback.files import FORMATS, Row, file_rows
from penchant.plain_files import stands, usable

__all__ = ["Opened", "is_list_of_paths", "open_places"]

#: What `datasets` and the hub keep beside the data.
_NOT_DATA = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"}
_SAVED = ("dataset_info.json", "dataset_dict.json", "state.json")
_SHARD = re.compile(r"^(?P<split>[\w.-]+?)-\d{5}-of-\d{5}\b")
_SPLITS = ("train", "training", "test", "testing", "validation", "valid", "val", "dev", "eval", "evaluation")


@dataclass(frozen=True)
class Opened:
    """Rows of one file or data set.

    Args:
        name: its path, hub id, or ``memory``.
        rows: line (or row) number, and the row or its error.
        textual: whether every cell is text (CSV).
        split: the split that the file's name tells, for the shards of a folder.
    """

    name: str
    rows: Iterable[Row]
    textual: bool = False
    split: str | None = None

    @property
    def folder(self) -> Path | None:
        """Where relative paths of images start, and which no path leaves; None for data in memory."""
        path = Path(self.name)
        if path.is_file() or path.is_dir():
            return path.parent if path.is_file() else path
        return cache_folder() if looks_like_hub_id(self.name) else None


def is_list_of_paths(data: Any) -> bool:
    """Whether data is a list of paths, and not of texts.

    Example:
        >>> is_list_of_paths(["a.jsonl", "b.jsonl"]), is_list_of_paths(["hello"]), is_list_of_paths([{"prompt": "Hi"}])
        (True, False, False)
    """
    listed = isinstance(data, list | tuple) and bool(data) and all(isinstance(each, str | Path) for each in data)
    return listed and any(isinstance(each, Path) or _looks_like_path(each) for each in data)


def _looks_like_path(text: str) -> bool:
    if "\n" in text or len(text) > 1000:
        return False
    return text.lower().endswith(tuple(FORMATS)) or looks_like_hub_id(text) or stands(text)


def open_places(source: str | Path | Sequence[str | Path], split: str | None) -> list[Opened]:
    """Open what a path names, or each path of a list, in order.

    Args:
        source: a file; a folder, saved by ``datasets`` or with shards of one format; a pattern such as
            ``data/*.jsonl``, whose files are read in alphabetical order; a hub id; or a list of these.
        split: the split to read, where a data set has several.

    Raises:
        DataError: nothing is there, or it cannot be read.
    """
    if not isinstance(source, str | Path):
        return [opened for each in source for opened in open_places(each, split)]
    if not str(source).strip():
        raise DataError("The data is an empty text, expected a path or a hub id.", fix="Write the file's path.")
    path = usable(_home(str(source)), DataError)
    if path.is_dir():
        saved = any((path / name).is_file() for name in _SAVED)
        return [Opened(str(path), saved_rows(path, split))] if saved else _shards(path, split)
    if path.is_file():
        return [_file(path)]
    if glob.has_magic(str(source)):
        return [opened for each in _matches(path, str(source)) for opened in open_places(each, split)]
    if isinstance(source, str) and looks_like_hub_id(source):
        return [Opened(source, hub_rows(source, split))]
    raise _no_such_file(path, str(source))


def _home(source: str) -> Path:
    """The path, with ~ as the home folder where there is one."""
    try:
        return Path(source).expanduser()
    except RuntimeError:  # there is no such user
        return Path(source)


def _file(path: Path, split: str | None = None) -> Opened:
    return Opened(str(path), file_rows(path), path.name.lower().endswith((".csv", ".csv.gz", ".tsv")), split)


def _matches(path: Path, pattern: str) -> list[Path]:
    found = [Path(each) for each in sorted(glob.glob(str(path), recursive=True))]
    if not found:
        if re.fullmatch(r"\[.*,.*\]", pattern.strip()):
            raise DataError(
                "This is one pattern, and no file matches it.",
                where=pattern,
                fix="Give several files one by one: --data a.jsonl --data b.jsonl; in a recipe as a list.",
            )
        start = Path(*[part for part in path.parts if not glob.has_magic(part)][: len(path.parts) - 1])
        raise DataError(
            "No file matches the pattern.",
            where=pattern,
            fix=f"The folder {str(start)!r} holds: {_contents(start)}."
            if start.is_dir()
            else f"There is no folder {str(start)!r}.",
        )
    return found


def _no_such_file(path: Path, source: str) -> DataError:
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, [entry for entry in beside if entry.lower().endswith(tuple(FORMATS))])
    return DataError(
        "There is no such file.",
        where=source,
        fix=close
        if close.startswith("Did you mean")
        else "Check the path; relative paths start at the current folder.",
    )


def _contents(folder: Path) -> str:
    return ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"


def _format(path: Path) -> str | None:
    """The ending of a file of data, or None."""
    name = path.name.lower()
    known = None if name in _NOT_DATA or name.startswith((".", "_")) else sorted(FORMATS, key=len, reverse=True)
    return next((ending for ending in known or () if name.endswith(ending)), None)


def _shards(folder: Path, split: str | None) -> list[Opened]:
    """The shards of a folder: in itself, in ``data``, or in folders named like splits."""
    files = _data_files(folder) or _data_files(folder / "data")
    inside = [(each, name) for name in _SPLITS for each in _data_files(folder / name)]
    parts = inside if inside and not files else [(each, _split_of(each)) for each in files]
    if not parts:
        raise DataError(
            f"The folder is not a saved data set and has no files of data (it holds: {_contents(folder)}).",
            where=str(folder),
            fix="Give one of its files, a folder written by datasets' save_to_disk, or one with shards "
            f"({', '.join(FORMATS)}).",
        )
    endings = sorted({str(_format(path)) for path, _ in parts})
    if len(endings) > 1:
        raise DataError(
            f"The folder is not a saved data set, and its files are of several formats ({', '.join(endings)}).",
            where=str(folder),
            why="They may hold the same records twice.",
            fix=f"Name those to read: {str(folder / ('*' + endings[0]))!r}.",
        )
    named = {name for _, name in parts if name is not None}
    if split is not None and named and split not in named:
        raise DataError(f"There is no split {split!r}.", where=str(folder), fix=nearest(split, named))
    return [_file(path, name) for path, name in parts if split is None or not named or name == split]


def _data_files(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_file() and _format(entry)) if folder.is_dir() else []


def _split_of(path: Path) -> str | None:
    """The split of a file's name: ``train_sft-00000-of-00003.parquet``, ``test.jsonl``, ``validation_1.csv``."""
    shard = _SHARD.match(path.name)
    if shard is not None:
        return shard["split"]
    words = re.split(r"[-_.]", path.name.lower())
    return next((name for name in _SPLITS if words[0] == name), None)
