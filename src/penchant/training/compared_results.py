"""The results of a comparison, in the form of ``comparison.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from penchant.evaluation.seeds import figures_of_run, over_seeds
from penchant.training.planned_runs import PlannedRun
from penchant.training.recipe import Recipe, data_values

__all__ = ["comparison_results"]


def comparison_results(recipe: Recipe, runs: Sequence[PlannedRun], output: Path) -> dict[str, Any]:
    """All objectives with their runs, figures and intervals.

    Args:
        recipe: settings of all runs.
        runs: all runs, in any state.
        output: the comparison's folder.
    """
    summaries = {run.folder.path: run.folder.read_json("summary.json") or {} for run in runs if run.state == "done"}
    names = dict.fromkeys(run.name for run in runs)
    objectives = [_of_objective([run for run in runs if run.name == name], summaries, output) for name in names]
    in_order = [
        summaries[run.folder.path] for name in names for run in runs if run.name == name and run.state == "done"
    ]
    last: Mapping[str, Any] = in_order[-1] if in_order else {}
    return {
        "title": f"{len(objectives)} objectives on {last.get('data', recipe.data)}",
        "model": recipe.model,
        "data": data_values(recipe.data),
        "measured_on": last.get("measured_on", "nothing yet"),
        "seeds": sorted({run.recipe.seed for run in runs}),
        "interval": "mean and 95 % t-interval over seeds",
        "before": _common([figures_of_run(summary, "before") for summary in in_order]),
        "objectives": objectives,
    }


def _of_objective(
    runs: Sequence[PlannedRun], summaries: Mapping[Path, Mapping[str, Any]], output: Path
) -> dict[str, Any]:
    rows, figures = [], []
    for run in runs:
        place = run.folder.path
        row: dict[str, Any] = {
            "seed": run.recipe.seed,
            "state": run.state,
            "folder": place.relative_to(output).as_posix(),
        }
        if run.state == "failed":
            row["reason"] = run.reason
        if place in summaries:
            summary = summaries[place]
            figures.append(figures_of_run(summary))
            row |= {key: summary[key] for key in ("reference_found", "reference_computed") if key in summary}
            row["figures"] = figures[-1]
        rows.append(row)
    settings = {key: value for key, value in runs[0].resolved["objective"].items() if key != "name"}
    return {"name": runs[0].name, "settings": settings, "figures": over_seeds(figures), "runs": rows}


def _common(starts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The figures before training; rewards only if all objectives define them alike."""
    found = {}
    for key in dict.fromkeys(key for start in starts for key in start):
        values = [start[key] for start in starts if key in start]
        if not key.startswith("rewards/") or max(values) - min(values) < 1e-4:
            found[key] = fmean(values)
    return found
