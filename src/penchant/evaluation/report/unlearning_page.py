"""The report of unlearning: ``unlearning.html`` and a table for the terminal, from ``unlearning.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import colour, draw, people_ticks
from penchant.evaluation.report.page import render, save
from penchant.evaluation.report.quantities import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

__all__ = ["unlearning_table", "write_unlearning"]

_COLOURS = {"before": "before", "after": "after", "retrained": "accent"}
_LEAD = (
    "What is to be forgotten is forgotten where its figures reach those of a model that never saw it (retrained), not "
    "at the end of the range. Probability: mean exp(−NLL per token); of further kept sets with wrong answers, "
    "the share of the right answer among all, as in TOFU. Truth ratio: how a right answer compares with "
    "wrong ones; 1 is best in every set. Forget quality: p-value of a Kolmogorov-Smirnov test against the retrained "
    "model's truth ratios; above 0.05 the two cannot be told apart. Model utility: harmonic mean of probability, "
    "ROUGE-L and truth ratio of all kept sets. Extraction strength: share of an answer that greedy decoding completes "
    "by itself."
)
_CHART_LEAD = (
    "Trajectory: one point per measurement, from before training (ring) to the end (diamond); dashed lines are the "
    "retrained model. Relearning: NLL of the forget records that the attacker does not have, while a copy is "
    "fine-tuned on a few others; a curve that falls faster than that of the retrained model shows knowledge that was "
    "hidden, not forgotten."
)


def unlearning_table(report: Mapping[str, Any]) -> Table:
    """The figures of a report of unlearning as a table for the terminal.

    Args:
        report: the contents of ``unlearning.json``.
    """
    from rich.table import Table

    table = Table(title="Unlearning", title_justify="left")
    table.add_column("figure")
    table.add_column("better")
    for name in report["models"]:
        table.add_column(name, justify="right")
    for row in report["figures"]:
        table.add_row(row["label"], row["better"], *_cells(row, report["models"]))
    return table


def _cells(row: Mapping[str, Any], models: Sequence[str]) -> list[str]:
    return [number(row["values"][name]) if name in row["values"] else "–" for name in models]


def write_unlearning(report: Mapping[str, Any], path: Path, title: str, subtitle: str) -> Path:
    """Write the page.

    Args:
        report: the contents of ``unlearning.json``.
        path: of the page.
        title: of the page.
        subtitle: model and method.

    Raises:
        OutputError: it cannot be written.
    """
    models = report["models"]
    sizes = ", ".join(f"{count} of {name}" for name, count in report["questions"].items())
    values = {
        "title": title,
        "subtitle": subtitle,
        "notes": report["notes"],
        "lead": _LEAD,
        "models": models,
        "rows": [
            {"label": row["label"], "better": row["better"], "range": row["range"], "cells": _cells(row, models)}
            for row in report["figures"]
        ],
        "charts": _charts(report),
        "chart_lead": _CHART_LEAD,
        "samples": report["samples"],
        "facts": [("questions measured", sizes), *report.get("facts", [])],
    }
    return save(render("unlearning.html", values), path)


def _charts(report: Mapping[str, Any]) -> list[Chart]:
    """The charts for which the report has numbers."""
    found = []
    path = report["trajectory"]
    if len(path) > 1 and all("forget_quality" in each and "model_utility" in each for each in path):
        found.append(_plane(report))
    if len(path) > 1:
        found.append(_over_steps(report))
    if report["relearning"]:
        found.append(_relearning(report["relearning"]))
    return found


def _plane(report: Mapping[str, Any]) -> Chart:
    """Forget quality against model utility, a point per measurement."""
    svg = draw("trajectory", "Forget quality against model utility over training", partial(_paint_plane, report=report))
    best = _value(report, "model_utility", "retrained")
    note = "" if best is None else f"A retrained model stands at forget quality 1 and utility {number(best)}"
    return Chart("Forget quality against utility", svg, note=note)


def _paint_plane(axes: list[Axes], report: Mapping[str, Any]) -> None:
    one, path = axes[0], report["trajectory"]
    utility = [each["model_utility"] for each in path]
    # A p-value of 0 cannot stand on a logarithmic axis.
    quality = [max(each["forget_quality"], 1e-30) for each in path]
    one.plot(utility, quality, "o-", color=colour("after"), markersize=3.5, linewidth=1.2)
    one.plot(utility[:1], quality[:1], "o", color=colour("before"), markersize=8, fillstyle="none")
    one.plot(utility[-1:], quality[-1:], "D", color=colour("after"), markersize=6)
    one.set_yscale("log")
    one.set_ylim(max(min(quality) / 3, 1e-31), 2)
    _reference(one, 1.0, _value(report, "model_utility", "retrained"), "accent")
    one.set_xlabel("model utility")
    one.set_ylabel("forget quality (p-value)")


def _reference(axes: Axes, height: float | None, place: float | None, shade: str) -> None:
    """Dashed lines where the retrained model stands."""
    style: dict[str, Any] = {"color": colour(shade), "linewidth": 0.9, "linestyle": (0, (3, 2)), "zorder": 1}
    if height is not None:
        axes.axhline(height, **style)
    if place is not None:
        axes.axvline(place, **style)


def _value(report: Mapping[str, Any], key: str, model: str) -> float | None:
    return next((row["values"].get(model) for row in report["figures"] if row["key"] == key), None)


def _over_steps(report: Mapping[str, Any]) -> Chart:
    """The probability of the answers of each set over training."""
    names = [name for name in report["questions"] if f"{name}/probability" in report["trajectory"][0]]
    shades = dict(zip(names, ("rejected", "chosen", "run3", "run4", "run5", "run6"), strict=False))
    svg = draw(
        "over-steps",
        "Probability of the right answers over training steps",
        partial(_paint_over_steps, report=report, shades=shades),
    )
    seen = _value(report, "forget/probability", "retrained")
    note = "" if seen is None else f"Dashed: the forget set in the retrained model ({number(seen)})"
    return Chart("Probability of the right answers", svg, tuple(shades.items()), note)


def _paint_over_steps(axes: list[Axes], report: Mapping[str, Any], shades: Mapping[str, str]) -> None:
    one = axes[0]
    steps = [each["step"] for each in report["trajectory"]]
    for name, shade in shades.items():
        values = [each[f"{name}/probability"] for each in report["trajectory"]]
        one.plot(steps, values, "o-", color=colour(shade), markersize=3.5, linewidth=1.2)
    _reference(one, _value(report, "forget/probability", "retrained"), None, shades["forget"])
    one.set_ylim(bottom=0)
    one.set_xlabel("step")
    people_ticks(one)


def _relearning(attack: Mapping[str, Any]) -> Chart:
    """The NLL of the forgotten records that the attacker does not have, over the attacker's steps."""
    shades = {name: _COLOURS.get(name, "ink") for name in attack["curves"]}
    svg = draw("relearning", "NLL of the forget set over relearning steps", partial(_paint_attack, attack=attack))
    note = f"The attacker has {attack['records']} records and the learning rate {attack['learning_rate']:g}"
    return Chart("Relearning attack", svg, tuple(shades.items()), note)


def _paint_attack(axes: list[Axes], attack: Mapping[str, Any]) -> None:
    one = axes[0]
    for name, curve in attack["curves"].items():
        shade = colour(_COLOURS.get(name, "ink"))
        one.plot([each["step"] for each in curve], [each["nll"] for each in curve], "o-", color=shade, markersize=3.5)
    one.set_ylim(bottom=0)
    one.set_xlabel("steps of the attacker")
    one.set_ylabel("nats per token")
    people_ticks(one)
