"""`with_refusals`: a forget set whose records have a refusal each, built where it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.curation.refusals import Refusals
from penchant.curation.rows import Built
from penchant.errors import DataError
from penchant.feedback.sources import read_sources
from penchant.training.progress import ProgressReporter

__all__ = ["with_refusals"]


def with_refusals(
    forget: Any, texts: str | Path | None, output: Path, reporter: ProgressReporter, seed: int = 0, **reading: Any
) -> Any:
    """The forget set as it is if every record has the field ``idk``; else a file beside the run with refusals added.

    Args:
        forget: the forget set.
        texts: a file with one refusal a line; a list of eight by default.
        output: the run's folder.
        reporter: says what was built.
        seed: of the draw.
        reading: options of `penchant.feedback.read`.

    Returns:
        ``forget``, or the path of a file that a later run with the same recipe reads.

    Raises:
        DataError: the file of refusals has none, or the forget set cannot be read.
    """
    records = list(read_sources({"forget": forget}, **reading))
    lacking = sum("idk" not in record.fields for record in records)
    if not lacking:
        return forget
    built = Refusals(texts=None if texts is None else str(texts), seed=seed).build(records)
    path = output.with_name(f"{output.name}-forget.jsonl")
    Built([_as_given(row, reading.get("mapping") or {}, path) for row in built.rows]).write(path, overwrite=True)
    reporter.say(f"{lacking} of {len(records)} forget records had no refusal; one was drawn for each: {path}")
    return str(path)


def _as_given(row: Mapping[str, Any], mapping: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A row with the columns that the run's mapping reads, since it reads this file as it reads the others."""
    renamed = dict(row)
    for name, column in mapping.items():
        if name not in row or not isinstance(column, str) or column[:1] in ("'", '"'):
            continue
        if "{" in column:
            raise DataError(
                f"Refusals cannot be added to records whose {name!r} is a template ({column!r}).",
                where=str(path),
                why="The run reads the file with refusals by the same mapping, and a text cannot be taken apart again.",
                fix="Write the columns prompt and completion (and idk) into the files of both sets, without --map.",
            )
        renamed.pop(name, None)
        renamed[column] = row[name]
    return renamed
