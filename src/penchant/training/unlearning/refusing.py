"""`with_refusals`: a forget set whose records have a refusal each, built where it is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.curation.refusals import Refusals
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
    built.write(path, overwrite=True)
    reporter.say(f"{lacking} of {len(records)} forget records had no refusal; one was drawn for each: {path}")
    return str(path)
