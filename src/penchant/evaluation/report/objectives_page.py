"""Comparison of objectives over seeds as a table, a picture and a page, from ``comparison.json``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.evaluation.report.comparison import common_charts, run_colour
from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.dots import dot_limits, paint_dots
from penchant.evaluation.report.drawing import Colours, colour, draw, save_picture
from penchant.evaluation.report.page import render, save
from penchant.evaluation.report.quantities import Quantity, duration, fixed, number, plain, quantity
from penchant.evaluation.report.run_folder import RunFolder, read_run
from penchant.evaluation.seeds import FIGURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

__all__ = ["failures", "objectives_table", "write_objectives"]

# The best value of these is marked; margins of implicit rewards have a different scale in each objective.
_BEST = ("rewards/accuracy", "labels/accuracy", "logps/accuracy")
_SHORT = {
    "rewards/accuracy": "accuracy",
    "labels/accuracy": "accuracy\nof labels",
    "logps/accuracy": "accuracy\nby log p/token",
    "logps/margin": "log p margin\nnats",
    "rewards/margin": "reward margin\nβ × nats",
    "nll/forget": "forget NLL\nnats/token",
    "nll/retain": "retain NLL\nnats/token",
    "kl": "KL\nnats",
    "samples/length": "sample length\ntokens",
    "seconds": "time",
}


def _measured(comparison: Mapping[str, Any]) -> list[str]:
    """The figures that at least one objective has."""
    return [key for key in FIGURES if any(key in each["figures"] for each in comparison["objectives"])]


def _cell(key: str, figure: Mapping[str, Any] | None) -> str:
    """Mean and half-width as text."""
    if figure is None:
        return "–"
    known, mean, half = quantity(key), figure["mean"], figure["high"] - figure["mean"]
    spread = len(figure["values"]) > 1
    if key == "seconds":
        return duration(mean) + (f" ± {number(half)}" if spread else "")
    if known.share:
        return f"{fixed(100 * mean, 1)}{f' ± {fixed(100 * half, 1)}' if spread else ''} %"
    if not spread or not half:
        return number(mean) + (" ± 0" if spread else "")
    # The number of digits follows the width of the interval.
    digits = 3 if half < 0.1 else 2 if half < 1 else 1
    return f"{fixed(mean, digits)} ± {fixed(half, digits)}"


def _best(comparison: Mapping[str, Any], key: str) -> str:
    """The objective with the largest mean; empty on a tie."""
    means = {each["name"]: each["figures"][key]["mean"] for each in comparison["objectives"] if key in each["figures"]}
    ahead = [name for name, mean in means.items() if mean == max(means.values())]
    return ahead[0] if key in _BEST and len(means) > 1 and len(ahead) == 1 else ""


def _state(objective: Mapping[str, Any]) -> str:
    """The number of its runs that are done."""
    states = [run["state"] for run in objective["runs"]]
    more = [f"{states.count(state)} {state}" for state in ("failed", "stopped", "waiting") if state in states]
    return ", ".join([f"{states.count('done')} of {len(states)}", *more])


def _reference(objective: Mapping[str, Any]) -> str:
    """The number of reference log-probabilities read from the cache, over all runs."""
    found = sum(run.get("reference_found", 0) for run in objective["runs"])
    every = found + sum(run.get("reference_computed", 0) for run in objective["runs"])
    return f"{found:,} of {every:,}" if every else "–"


def _stopped(stopped: tuple[str, list[str]]) -> str:
    return f"{stopped[0]} (seed {', '.join(stopped[1])})"


def failures(comparison: Mapping[str, Any]) -> list[str]:
    """Each reason for a failure once, with the objectives and seeds that failed.

    Args:
        comparison: the contents of ``comparison.json``.
    """
    reasons: dict[str, dict[str, list[str]]] = {}
    for each in comparison["objectives"]:
        for run in each["runs"]:
            if run["state"] == "failed":
                reasons.setdefault(run["reason"], {}).setdefault(each["name"], []).append(str(run["seed"]))
    return [f"{', '.join(map(_stopped, stopped.items()))} failed: {reason}" for reason, stopped in reasons.items()]


def _before(comparison: Mapping[str, Any]) -> dict[str, float]:
    """The figures of the initial model, if they are the same for all runs."""
    return {key: value for key, value in comparison.get("before", {}).items() if key != "seconds"}


def objectives_table(comparison: Mapping[str, Any]) -> Table:
    """The comparison's table for the terminal.

    Args:
        comparison: the contents of ``comparison.json``.
    """
    from rich.table import Table
    from rich.text import Text

    keys, before = _measured(comparison), _before(comparison)
    seeds = ", ".join(map(str, comparison["seeds"]))
    over = f"mean ± 95 % t-interval over seeds {seeds}" if len(comparison["seeds"]) > 1 else f"seed {seeds} alone"
    table = Table(title=f"{comparison['title']}\n{over}")
    table.add_column("objective")
    table.add_column("runs")
    for key in keys:
        table.add_column(_SHORT[key], justify="right")
    table.add_column("reference\nfrom cache", justify="right")
    start = [_cell(key, {"mean": before[key], "high": 0, "values": [0]}) if key in before else "–" for key in keys]
    if before:
        table.add_row("before training", "", *start, "", style="dim", end_section=True)
    best = {key: _best(comparison, key) for key in keys}
    for each in comparison["objectives"]:
        cells = [
            Text(_cell(key, each["figures"].get(key)), style="bold" if best[key] == each["name"] else "")
            for key in keys
        ]
        table.add_row(Text(each["name"]), _state(each), *cells, _reference(each))
    return table


def _paint(axes: list[Axes], colours: Colours, *, comparison: Mapping[str, Any], keys: list[str], titles: bool) -> None:
    before = _before(comparison)
    for place, key in enumerate(keys):
        rows = [
            (each["name"], each["figures"].get(key), run_colour(index))
            for index, each in enumerate(comparison["objectives"])
        ]
        paint_dots(axes[place], rows, quantity(key), before.get(key), colours)
        if titles:
            axes[place].set_title(quantity(key).label, loc="left", fontsize=9, fontweight="bold")
    for unused in axes[len(keys) :]:
        unused.set_axis_off()


def write_objectives(folder: Path, comparison: Mapping[str, Any]) -> tuple[Path, Path | None]:
    """Write ``comparison.html`` and ``comparison.png``.

    Args:
        folder: of the comparison; the runs' folders in ``comparison`` are relative to it.
        comparison: the contents of ``comparison.json``.

    Returns:
        The page, and the picture if there is a figure to draw.

    Raises:
        OutputError: one of them cannot be written.
    """
    keys = _measured(comparison)
    charts = [_chart(comparison, key) for key in keys]
    page = save(render("objectives.html", _page(folder, comparison, keys, charts)), folder / "comparison.html")
    return page, _picture(folder / "comparison.png", comparison, keys) if keys else None


def _height(comparison: Mapping[str, Any]) -> float:
    """The height of one chart, inches."""
    return 0.75 + 0.26 * len(comparison["objectives"])


def _chart(comparison: Mapping[str, Any], key: str) -> Chart:
    """The chart of one figure for all objectives."""
    known = quantity(key)
    svg = draw(
        f"figure-{key.replace('/', '-')}",
        f"{known.label} of each objective, mean and interval over seeds",
        partial(_paint, colours=colour, comparison=comparison, keys=[key], titles=False),
        width=3.2,
        height=_height(comparison),
    )
    return Chart(known.label, svg, note=_cut_note(comparison, known))


def _picture(path: Path, comparison: Mapping[str, Any], keys: list[str]) -> Path:
    """Draw all figures of all objectives as a file."""
    columns = min((3, 4), key=lambda count: -len(keys) % count)  # as few empty panels as possible
    rows = -(-len(keys) // columns)
    return save_picture(
        path,
        partial(_paint, comparison=comparison, keys=keys, titles=True),
        width=3.4 * columns,
        height=(_height(comparison) + 0.3) * rows,
        rows=rows,
        columns=columns,
        caption=f"{comparison['title']}. Dots: seeds {', '.join(map(str, comparison['seeds']))}; diamond: their mean; "
        "line: its 95 % t-interval; dashed: before training.",
    )


def _cut_note(comparison: Mapping[str, Any], known: Quantity) -> str:
    figures = [each["figures"].get(known.key) for each in comparison["objectives"]]
    _limits, cut = dot_limits([each for each in figures if each], _before(comparison).get(known.key))
    return "An interval is wider than the axis" if cut else ""


def _page(folder: Path, comparison: Mapping[str, Any], keys: list[str], charts: list[Chart]) -> dict[str, Any]:
    """The values for the template."""
    before, curves = _before(comparison), _curves(folder, comparison)
    return {
        "title": comparison["title"],
        "subtitle": f"{comparison['model']} · {comparison['measured_on']}",
        "seeds": ", ".join(map(str, comparison["seeds"])),
        "headings": [(quantity(key).label, quantity(key).unit if key != "seconds" else "") for key in keys],
        "before": [
            _cell(key, {"mean": before[key], "high": 0, "values": [0]}) if key in before else "–" for key in keys
        ],
        "started": bool(before),
        "rows": _rows(comparison, keys),
        "figures": charts,
        "curves": common_charts(*zip(*curves, strict=True)) if curves else [],
        "failures": failures(comparison),
    }


def _rows(comparison: Mapping[str, Any], keys: list[str]) -> list[dict[str, Any]]:
    """The rows of the table, one per objective."""
    best = {key: _best(comparison, key) for key in keys}
    return [
        {
            "name": each["name"],
            "colour": run_colour(index),
            "state": _state(each),
            "cells": [(_cell(key, each["figures"].get(key)), best[key] == each["name"]) for key in keys],
            "reference": _reference(each),
            "settings": ", ".join(f"{name} = {plain(value)}" for name, value in each["settings"].items()),
            "runs": [(run["seed"], f"{run['folder']}/report.html") for run in _done(each)],
        }
        for index, each in enumerate(comparison["objectives"])
    ]


def _curves(folder: Path, comparison: Mapping[str, Any]) -> list[tuple[RunFolder, str, str]]:
    """The first finished run of each objective, with its name and colour."""
    return [
        (read_run(folder / done[0]["folder"]), each["name"], run_colour(index))
        for index, each in enumerate(comparison["objectives"])
        if (done := _done(each))
    ]


def _done(objective: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [run for run in objective["runs"] if run["state"] == "done"]
