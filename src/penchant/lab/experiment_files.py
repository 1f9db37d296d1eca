"""Files that an experiment of the lab writes beside its runs, and what its runs say of accuracy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.targets import claim_file
from penchant.writing import write_text

if TYPE_CHECKING:
    from penchant.training.run import Result

__all__ = ["accuracy_rows", "keep_rows", "keep_text"]


def keep_text(path: Path, text: str, overwrite: bool = False) -> Path:
    """Write a text unless the file has it already, as after an interrupted start; returns the file.

    Args:
        path: the file, in the folder of the experiment.
        text: what it holds.
        overwrite: replace a file with another text.

    Raises:
        OutputError: there is another text, or the file cannot be written.
    """
    if not (path.is_file() and path.read_text(encoding="utf-8") == text):
        claim_file(path, option="--output", overwrite=overwrite)
        write_text(path, text, f"The file {path.name}")
    return path


def keep_rows(path: Path, rows: Iterable[Any], overwrite: bool = False) -> Path:
    """The same for rows, as JSON lines.

    Args:
        path: the file.
        rows: what JSON can hold.
        overwrite: replace a file with other rows.

    Raises:
        OutputError: there are other rows, or the file cannot be written.
    """
    return keep_text(path, "".join(json.dumps(row) + "\n" for row in rows), overwrite)


def accuracy_rows(result: Result) -> list[dict[str, Any]]:
    """The measurements of accuracy of a finished run, in order.

    Args:
        result: of the run.
    """
    lines = (result.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["split"] == "eval" and "accuracy" in row]
