"""The page of `penchant study`: the table of scores, curves of its rows, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import colour, draw
from penchant.evaluation.report.table_page import write_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["write_study"]

_LEADS = {
    "budget": "Columns: the budget. Rows: the share of it that buys demonstrations; the rest buys pairs.",
    "regimes": "Columns: the number of pairs. Rows: the start of preference training, and the method.",
}
_LINES = ("-", "--", "-.", ":")


def write_study(
    results: Mapping[str, Any],
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    sentences: Sequence[str],
    path: Path,
) -> Path:
    """Write the page: one file without links.

    Args:
        results: of the study, with ``table``.
        headings: of the table.
        rows: of the table, as text.
        sentences: what follows from it.
        path: of the page.

    Raises:
        OutputError: it cannot be written.
    """
    study = results["study"]
    interval = " ± half of the 95 % t-interval over seeds" if study["seeds"] > 1 else ""
    return write_table(
        path,
        "Supervised or preference data" if results["design"] == "budget" else "Methods from several starts",
        f"{study['model']}, measured by {study['measure']} on {study['held_out']}",
        (headings, rows),
        sentences,
        lead=f"{_LEADS[results['design']]} Scores: mean{interval}; larger is better.",
        charts=_charts(results),
    )


def _charts(results: Mapping[str, Any]) -> list[Chart]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for each in results["table"]:
        if each["column"]:
            rows.setdefault(each["row"], []).append(each)
    if all(len(own) < 2 for own in rows.values()):
        return []
    svg = draw("study", "Score over the amount of data", partial(_paint, rows=rows), width=6.0, height=3.2)
    return [Chart("Score over the amount of data", svg, note="The horizontal axis is logarithmic")]


def _paint(axes: list[Axes], rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    one = axes[0]
    shades = ("accent", "before", "muted")
    for place, (name, own) in enumerate(rows.items()):
        ordered = sorted(own, key=lambda each: each["column"])
        one.plot(
            [each["column"] for each in ordered],
            [each["mean"] for each in ordered],
            _LINES[place // len(shades) % len(_LINES)],
            color=colour(shades[place % len(shades)]),
            marker="o",
            markersize=3,
            label=name,
        )
    one.set_xscale("log")
    one.set_xlabel("budget or pairs")
    one.legend(fontsize=6, frameon=False)
