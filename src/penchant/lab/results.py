"""Extends the report of a run with the results of a world."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.statistics import Interval
from penchant.targets import claim_file
from penchant.writing import output_errors_of, write_json

__all__ = ["add_results", "claim_folder"]


def add_results(
    run: Path,
    *,
    title: str,
    before: Mapping[str, float],
    after: Mapping[str, float],
    intervals: Mapping[str, Interval],
    samples: Sequence[Mapping[str, Any]],
) -> Path:
    """Add figures and samples to a run's ``summary.json`` and ``samples.json``, and regenerate its report.

    Args:
        run: folder of the run.
        title: title of the report.
        before: figures of the reference.
        after: figures of the trained model.
        intervals: 95 % intervals of the figures in ``after``.
        samples: rows of ``samples.json``.

    Returns:
        The path of the HTML report.
    """
    from penchant.evaluation.report import write_report

    path = run / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    summary["title"] = title
    summary.setdefault("before", {}).update(before)
    summary.setdefault("after", {}).update(after)
    summary.setdefault("intervals", {}).update({name: [each.low, each.high] for name, each in intervals.items()})
    write_json(path, summary, indent=1)
    write_json(run / "samples.json", samples, indent=1)
    return write_report(run)


def claim_folder(output: Path, runs: Sequence[str], overwrite: bool, files: Sequence[str] = ()) -> None:
    """Create the output folder of a world; raise before any training if it cannot be used.

    Args:
        output: the folder.
        runs: names of the runs that it will contain.
        overwrite: whether existing runs and files may be replaced.
        files: names of the files that it will contain.

    Raises:
        OutputError: it contains one of the runs or files, or cannot be written.
    """
    if not overwrite and any((output / name).exists() for name in runs):
        raise OutputError(
            "The folder already contains one of the runs.",
            where=str(output),
            fix="Give --overwrite to replace it, or another folder with --output.",
        )
    for name in files:
        claim_file(output / name, option="--output", overwrite=overwrite)
    with output_errors_of(output, "The output folder", "Choose another folder with --output."):
        output.mkdir(parents=True, exist_ok=True)
