"""Comparison of several runs on one page: differing settings, held-out figures, and curves on common axes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.errors import DataError
from penchant.evaluation.report.before_after import BeforeAfter, before_after
from penchant.evaluation.report.curves import (
    Chart,
    axis_limits,
    is_drawable,
    paint_series,
    series_of,
)
from penchant.evaluation.report.drawing import RUN_COLOURS, draw
from penchant.evaluation.report.page import render, save
from penchant.evaluation.report.panels import MACHINERY, main_panels
from penchant.evaluation.report.quantities import duration, plain, quantity
from penchant.evaluation.report.run_folder import RunFolder, finite_number, read_run
from penchant.terminal import shown

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["common_charts", "compare_runs", "comparison_table", "run_colour"]

# Without the loss: losses of different objectives, or of one with different settings, are not comparable.
_OUTCOMES = ("true_reward", "win_rate", "rewards/accuracy", "rewards/margin", "kl", "logps/chosen")
# Not hyper-parameters: output folder and names of a run, and its objective, which has its own column.
_NOT_SETTINGS = {"output", "out", "output_dir", "title", "name", "overwrite", "resume"}
_OBJECTIVE = {"objective", "objective.id", "objective.name"}


@dataclass(frozen=True)
class _Cell:
    text: str
    numeric: bool = False
    best: bool = False
    before: str = ""


@dataclass(frozen=True)
class _Column:
    label: str
    unit: str
    cells: list[_Cell]

    @property
    def numeric(self) -> bool:
        return self.cells[0].numeric


def compare_runs(runs: list[Path], output: Path) -> Path:
    """Write one self-contained HTML page that compares runs.

    It holds a table (objective, the settings that differ, held-out figures before → after, time) and the runs' curves
    on common axes. Settings that all runs share are listed at the end of the page.

    Args:
        runs: folders of at least one run; a folder given twice counts once.
        output: the file to write; an earlier report is replaced.

    Returns:
        The file that was written.

    Raises:
        DataError: no run is given, or one of them is not a run folder.
        OutputError: the page cannot be written.
    """
    folders = _read(runs)
    names = _names(folders)
    columns = _columns(folders)
    rows = [
        {"name": name, "colour": run_colour(index), "cells": [column.cells[index] for column in columns]}
        for index, name in enumerate(names)
    ]
    values = {
        "title": f"Comparison of {len(folders)} runs",
        "subtitle": " · ".join(names),
        "table": {"columns": columns, "rows": rows},
        "charts": common_charts(folders, names),
        "notes": [f"{name}: {note}" for name, folder in zip(names, folders, strict=True) for note in folder.notes],
        "shared": _shared(folders),
    }
    return save(render("comparison.html", values), Path(output))


def comparison_table(runs: list[Path]) -> Table:
    """The table of the comparison for the terminal.

    Args:
        runs: folders of at least one run.

    Raises:
        DataError: no run is given, or one of them is not a run folder.
    """
    from rich.table import Table

    folders = _read(runs)
    columns = _columns(folders)
    table = Table()
    table.add_column("run")
    for column in columns:
        header = f"{column.label}\n{column.unit}" if column.unit else column.label
        table.add_column(header, justify="right" if column.numeric else "left")
    for index, name in enumerate(_names(folders)):
        cells = [column.cells[index] for column in columns]
        table.add_row(_terminal_cell(_Cell(name)), *map(_terminal_cell, cells))
    return table


def _terminal_cell(cell: _Cell) -> Text:
    from rich.text import Text

    text = f"{cell.before} → {cell.text}" if cell.before else cell.text
    return Text(shown(text, in_one_line=True), style="bold" if cell.best else "")


def _read(runs: Sequence[Path]) -> list[RunFolder]:
    unique: dict[Path, Path] = {}
    for run in runs:
        unique.setdefault(Path(run).resolve(), Path(run))
    folders = [read_run(run) for run in unique.values()]
    if not folders:
        raise DataError("there is no run to compare.", fix="Name two or more run folders.")
    return folders


def _names(folders: Sequence[RunFolder]) -> list[str]:
    """Folder names, with parent folders if needed to make them unique."""
    names = [folder.name for folder in folders]
    depth = 1
    while len(set(names)) < len(names) and depth < 20:
        depth += 1
        twice = {name for name, times in Counter(names).items() if times > 1}
        names = [
            str(Path(*folder.path.resolve().parts[-depth:])) if name in twice else name
            for name, folder in zip(names, folders, strict=True)
        ]
    return names


def run_colour(index: int) -> str:
    """The colour of the run at this position."""
    return RUN_COLOURS[index % len(RUN_COLOURS)]


def _columns(folders: Sequence[RunFolder]) -> list[_Column]:
    columns = [_Column("objective", "", [_Cell(folder.objective or "–") for folder in folders])]
    settings = _settings(folders, differing=True)
    last_parts = Counter(key.rpartition(".")[2] for key in settings)
    for key in settings:
        values = [_setting(folder, key) for folder in folders]
        short = key.rpartition(".")[2]
        label = short if last_parts[short] == 1 else key
        cells = [_Cell(plain(value), finite_number(value) is not None) for value in values]
        columns.append(_Column(label.replace("_", " "), "", cells))
    outcomes = [before_after(folder) for folder in folders]
    columns += [_outcome_column(key, outcomes) for key in _OUTCOMES if any(figures.get(key) for figures in outcomes)]
    if any(folder.seconds for folder in folders):
        times = [_Cell(duration(folder.seconds) if folder.seconds else "–", True) for folder in folders]
        columns.append(_Column("time", "", times))
    return columns


def _outcome_column(key: str, outcomes: Sequence[BeforeAfter]) -> _Column:
    known = quantity(key)
    figures = [figures.get(key) for figures in outcomes]
    after = [figure.after for figure in figures if figure is not None and figure.after is not None]
    best = None
    if known.better and len(after) > 1 and len(set(after)) > 1:
        best = max(after) if known.better == "up" else min(after)
    cells = []
    for figure in figures:
        if figure is None:
            cells.append(_Cell("–", True))
        else:
            before, text = figure.shown
            known_before = before if figure.before is not None else ""
            cells.append(_Cell(text, True, best is not None and figure.after == best, known_before))
    return _Column(known.label, known.unit, cells)


def _setting(folder: RunFolder, key: str) -> Any:
    """A recipe's value, with numbers that YAML reads as text, such as ``1e-5``, converted."""
    value = folder.recipe.get(key)
    if not isinstance(value, str):
        return value
    try:
        meant = float(value)
    except ValueError:
        return value
    return meant if math.isfinite(meant) else value


def _settings(folders: Sequence[RunFolder], *, differing: bool) -> list[str]:
    """Recipe keys, in order, whose values differ between the runs (or those whose values do not)."""
    keys = dict.fromkeys(key for folder in folders for key in folder.recipe)
    found = []
    for key in keys:
        if key in _NOT_SETTINGS or (differing and key in _OBJECTIVE):
            continue
        values = [_setting(folder, key) for folder in folders]
        if any(value != values[0] for value in values) == differing:
            found.append(key)
    return found


def _shared(folders: Sequence[RunFolder]) -> list[tuple[str, str]]:
    if len(folders) < 2:
        return []
    return [(key, plain(_setting(folders[0], key))) for key in _settings(folders, differing=False)]


def common_charts(
    folders: Sequence[RunFolder], names: Sequence[str], colours: Sequence[str] | None = None
) -> list[Chart]:
    """Charts with one metric and one line per run; a panel with two metrics gives two charts.

    Args:
        folders: the runs.
        names: of the runs.
        colours: of the runs; default: by position.
    """
    colours = colours or [run_colour(index) for index in range(len(folders))]
    charts = []
    for panel in (*main_panels(folders), *MACHINERY):
        for key, _, label in panel.lines:
            if key == "rewards/ties":  # nearly always zero after the first step, so nothing to compare
                continue
            series = [series_of(folder, key, colours[index], names[index]) for index, folder in enumerate(folders)]
            series = [line for line in series if is_drawable(line)]
            if not series:
                continue
            title, (limits, note) = quantity(key).label, axis_limits(series)
            svg = draw(
                f"{panel.slug}-{label.replace(' ', '-')}",
                f"{title} over training steps, one line per run",
                partial(paint_series, panel=panel, series=series, limits=limits, raw=False),
                width=3.2,
                height=1.9,
            )
            charts.append(Chart(title, svg, note=note.replace("beyond the axis", "outside the average")))
    return charts
