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
    "scaling": "Columns: the number of pairs. Rows: the model and the set of held-out pairs.",
    "regimes": "Columns: the number of pairs. Rows: the start of preference training, and the method.",
}
_TITLES = {
    "budget": "Supervised or preference data",
    "regimes": "Methods from several starts",
    "scaling": "Preference losses over data and model",
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
        _TITLES[results["design"]],
        _measured(study),
        (headings, rows),
        sentences,
        lead=f"{_LEADS[results['design']]} {_unit(results)}: mean{interval}.",
        charts=_charts(results),
    )


def _unit(results: Mapping[str, Any]) -> str:
    return "Loss of a pair, nats; smaller is better" if results["design"] == "scaling" else "Scores, larger is better"


def _measured(study: Mapping[str, Any]) -> str:
    if study["design"] == "scaling":
        sets = ", ".join(f"{name} ({path})" for name, path in study["sets"].items())
        return f"{', '.join(study['models'])}, trained on {study['pairs']}, measured on {sets}"
    return f"{study['model']}, measured by {study['measure']} on {study['held_out']}"


def _charts(results: Mapping[str, Any]) -> list[Chart]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for each in results["table"]:
        if each["column"]:
            rows.setdefault(each["row"], []).append(each)
    if all(len(own) < 2 for own in rows.values()):
        return []
    losses = results["design"] == "scaling"
    title = f"{'Loss' if losses else 'Score'} over the amount of data"
    svg = draw("study", title, partial(_paint, rows=rows, losses=losses), width=6.0, height=3.2)
    return [Chart(title, svg, note="Both axes are logarithmic" if losses else "The horizontal axis is logarithmic")]


def _paint(axes: list[Axes], rows: Mapping[str, Sequence[Mapping[str, Any]]], losses: bool) -> None:
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
    if losses:
        one.set_yscale("log")
    one.set_xlabel("budget or pairs")
    one.legend(fontsize=6, frameon=False)
