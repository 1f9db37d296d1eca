"""The folder of a merged model: whose it is, and which of its files may be replaced."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.locks import LOCK
from penchant.writing import write_json

__all__ = ["MERGE_FILE", "clear_merge", "note_merge"]

#: What was merged and how, and the names of the files of the merged model.
MERGE_FILE = "merge.json"
_WRITER = "penchant merge"


def note_merge(folder: Path, about: dict[str, Any], files: Sequence[str]) -> None:
    """Write what is merged, before the first file of the merged model.

    Args:
        folder: of the merged model.
        about: method, settings, models and base.
        files: that will be written.
    """
    write_json(folder / MERGE_FILE, {"written_by": _WRITER, **about, "files": list(files)}, MERGE_FILE)


def clear_merge(folder: Path, overwrite: bool) -> None:
    """Empty a folder for a merge: what an earlier merge wrote is deleted, anything else is left alone.

    Raises:
        OutputError: it holds a merged model that may not be replaced, or other files.
    """
    held = [each.name for each in folder.iterdir() if each.name != LOCK]
    if not held:
        return
    files = _files_of_merge(folder)
    if files is None or not set(held) <= {*files, *(f".{name}.part" for name in files), MERGE_FILE}:
        raise OutputError(
            "The output folder already holds files that are not a merged model.",
            where=str(folder),
            fix="Give an empty or new folder with --out.",
        )
    if not overwrite:
        raise OutputError(
            "The output folder already holds a merged model.",
            where=str(folder),
            fix="Give --overwrite to replace it, or another folder with --out.",
        )
    for name in held:
        if name != MERGE_FILE:
            (folder / name).unlink(missing_ok=True)


def _files_of_merge(folder: Path) -> list[str] | None:
    try:
        found = json.loads((folder / MERGE_FILE).read_text(encoding="utf-8"))
        return list(map(str, found["files"])) if found.get("written_by") == _WRITER else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
