"""Charts of a diagnosis: what data reward, and what training does to pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import colour, draw, people_ticks

__all__ = ["data_charts", "pair_charts", "reward_chart"]

#: More points than this make a page heavy and a scatter no clearer.
_POINTS = 1500
_DASHED: dict[str, Any] = {"linewidth": 0.8, "linestyle": (0, (3, 2)), "zorder": 1}


def data_charts(found: Mapping[str, Any]) -> list[Chart]:
    """The charts of what data reward, for the contents of ``Explanation.as_dict``."""
    charts = [_properties(found["properties"])]
    if any(found["words"]["chosen"]):
        charts.append(_lengths(found["words"]["chosen"], found["words"]["rejected"]))
    if found["features"]:
        charts.append(_features(found["features"][:10]))
    areas = {name: value for name, value in found["held_out_area"].items() if math.isfinite(value)}
    if areas:
        charts.append(_areas(areas))
    return charts


def pair_charts(found: Mapping[str, Any]) -> list[Chart]:
    """The charts of a trained model's pairs, for the contents of ``Findings.as_dict``."""
    rows = found["per_pair"]
    shown = [rows[int(place)] for place in np.linspace(0, len(rows) - 1, min(len(rows), _POINTS))] if rows else []
    cut = f"{len(shown):,} of {len(rows):,} pairs, evenly spread over the file" if len(shown) < len(rows) else ""
    charts = [_margins(shown, cut), _difficulty(shown, cut), _changes(shown, cut), _reward_length(shown, cut)]
    sets = [name.removeprefix("explicit/") for name in found["figures"] if name.startswith("explicit/")]
    return [*(charts if shown else []), *([reward_chart(found["figures"], sets)] if sets else [])]


def _rows_axis(axis: Axes, labels: Sequence[str]) -> None:
    """Names of rows, from top to bottom; nothing in them is a formula."""
    axis.set_yticks(range(len(labels)))
    axis.set_yticklabels([_clipped(each) for each in labels], parse_math=False)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.grid(True, axis="x")
    axis.grid(False, axis="y")


def _clipped(text: str, most: int = 34) -> str:
    plain = "".join(each if each.isprintable() else " " for each in text)
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def _properties(rows: Sequence[Mapping[str, Any]]) -> Chart:
    """Log-odds of the named properties with their intervals."""

    def paint(axes: list[Axes]) -> None:
        axis = axes[0]
        for place, row in enumerate(rows):
            decided = row["low"] > 0 or row["high"] < 0
            shade = colour("muted" if not decided else "chosen" if row["coefficient"] > 0 else "rejected")
            axis.plot([row["low"], row["high"]], [place, place], color=shade, linewidth=1.4)
            axis.plot(row["coefficient"], place, "o", color=shade, markersize=4)
        axis.axvline(0.0, color=colour("muted"), **_DASHED)
        _rows_axis(axis, [str(row["property"]) for row in rows])
        axis.set_xlabel("log-odds of a response that is better in this alone")

    svg = draw("properties", "Log-odds of each property with intervals", paint, height=0.7 + 0.155 * len(rows))
    legend = (("rewarded", "chosen"), ("punished", "rejected"), ("undecided", "muted"))
    return Chart("Named properties", svg, legend, "Lines: 95 % intervals by bootstrap over prompts")


def _lengths(chosen: Sequence[int], rejected: Sequence[int]) -> Chart:
    """How much longer chosen responses are than rejected ones."""
    apart = np.log2(np.maximum(chosen, 1) / np.maximum(rejected, 1))
    edge = max(1.0, min(4.0, float(np.percentile(np.abs(apart), 99))))

    def paint(axes: list[Axes]) -> None:
        axis, bins = axes[0], np.linspace(-edge, edge, 33)
        clipped = np.clip(apart, -edge, edge)
        axis.hist(clipped[apart > 0], bins=bins.tolist(), color=colour("chosen"), alpha=0.75)
        axis.hist(clipped[apart < 0], bins=bins.tolist(), color=colour("rejected"), alpha=0.75)
        axis.axvline(0.0, color=colour("muted"), **_DASHED)
        people_ticks(axis)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _times(value)))
        axis.set_xlabel("words of chosen over words of rejected")
        axis.set_ylabel("pairs")

    legend = (("chosen is longer", "chosen"), ("rejected is longer", "rejected"))
    ratio = float(np.mean(chosen)) / max(float(np.mean(rejected)), 1e-9)
    note = f"Mean length of chosen over rejected: {ratio:.2f}; {int((apart == 0).sum())} pairs of equal length"
    return Chart("Length", draw("lengths", "Histogram of the ratio of lengths", paint), legend, note)


def _times(value: float) -> str:
    return f"×{2**value:.3g}" if value >= 0 else f"÷{2**-value:.3g}"


def _features(rows: Sequence[Mapping[str, Any]]) -> Chart:
    """The change of the win rate with each feature."""

    def paint(axes: list[Axes]) -> None:
        axis = axes[0]
        shades = [colour("accent" if row["certain"] else "muted") for row in rows]
        axis.barh(range(len(rows)), [100 * row["win_rate_change"] for row in rows], color=shades, height=0.62)
        _rows_axis(axis, [", ".join(row["rewarded"][:3]) or "not " + ", ".join(row["punished"][:3]) for row in rows])
        axis.set_xlabel("points of win rate per standard deviation")

    svg = draw("features", "Change of the win rate with each feature", paint, height=0.7 + 0.2 * len(rows))
    legend = (("certain", "accent"), ("may be chance", "muted"))
    return Chart("Features of the texts", svg, legend, "At equal length; named by the words that go with the feature")


def _areas(areas: Mapping[str, float]) -> Chart:
    """What predicts held-out labels."""

    def paint(axes: list[Axes]) -> None:
        axis = axes[0]
        values = list(areas.values())
        axis.barh(range(len(values)), [value - 0.5 for value in values], left=0.5, color=colour("accent"), height=0.6)
        for place, value in enumerate(values):
            side = "left" if value >= 0.5 else "right"
            axis.annotate(f"{value:.2f}", (value, place), (4 if value >= 0.5 else -4, 0), va="center", ha=side,
                          textcoords="offset points")  # fmt: skip
        axis.axvline(0.5, color=colour("muted"), **_DASHED)
        _rows_axis(axis, list(areas))
        axis.set_xlim(min(0.45, min(values) - 0.06), min(1.05, max(values) + 0.08))
        axis.set_xlabel("area under the ROC curve, held-out prompts")

    note = "0.5 is chance; where length alone does as well as the rest, the labels teach length"
    return Chart("What predicts the labels", draw("areas", "Area under the ROC curve", paint, height=1.6), (), note)


def _scatter(axis: Axes, rows: Sequence[Mapping[str, Any]], across: str, up: str) -> None:
    """A point per pair, coloured by how the model ranks it."""
    size = 9.0 if len(rows) < 300 else 4.0
    for kind, shade in (("wrong", "rejected"), ("flippable", "run4"), ("right", "chosen")):
        part = [row for row in rows if _kind(row) == kind]
        places = [row[across] for row in part], [row[up] for row in part]
        axis.scatter(*places, s=size, color=colour(shade), alpha=0.6, linewidths=0)
    people_ticks(axis)
    axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}".replace("-", "−")))


def _kind(row: Mapping[str, Any]) -> str:
    return "right" if row["right"] else "flippable" if row["flippable"] else "wrong"


_RANKED = (("ranked right", "chosen"), ("wrong, within reach", "run4"), ("wrong", "rejected"))


def _margins(rows: Sequence[Mapping[str, Any]], cut: str) -> Chart:
    """Margins before and after training."""

    def paint(axes: list[Axes]) -> None:
        axis = axes[0]
        _scatter(axis, rows, "reference_margin", "policy_margin")
        ends = [min(row["reference_margin"] for row in rows), max(row["reference_margin"] for row in rows)]
        axis.plot(ends, ends, color=colour("muted"), **_DASHED)
        axis.axhline(0.0, color=colour("muted"), linewidth=0.8, zorder=1)
        axis.set_xlabel("reference: log π(chosen) − log π(rejected), nats")
        axis.set_ylabel("model, nats")

    svg = draw("margins", "Margin of each pair under the model over that under the reference", paint, height=2.7)
    return Chart(
        "Margins before and after", svg, _RANKED, _joined("Dashed: no change; above it the pair was learned", cut)
    )


def _difficulty(rows: Sequence[Mapping[str, Any]], cut: str) -> Chart:
    """Loss of each pair over the loss it needs."""
    least = 1e-6

    def paint(axes: list[Axes]) -> None:
        axis = axes[0]
        floored = [{**row, "threshold": max(row["threshold"], least), "loss": max(row["loss"], least)} for row in rows]
        _scatter(axis, floored, "threshold", "loss")
        axis.set_xscale("log")
        axis.set_yscale("log")
        every = [row[name] for row in floored for name in ("threshold", "loss")]
        ends = [min(every), max(every)]
        axis.plot(ends, ends, color=colour("muted"), **_DASHED)
        axis.axvline(math.log(2), color=colour("muted"), linewidth=0.6, zorder=1)
        losses = [row["loss"] for row in floored]
        axis.set_ylim(min(losses) / 2, max(losses) * 2)
        axis.set_xlabel("loss that the pair needs, nats (left is harder)")
        axis.set_ylabel("its loss, nats")

    svg = draw("difficulty", "Loss of each pair over the loss below which it is ranked right", paint, height=2.7)
    note = "A pair below the dashed line is ranked right; the upright line is log 2, where the reference is undecided"
    return Chart("Difficulty of each pair", svg, _RANKED, _joined(note, cut))


def _changes(rows: Sequence[Mapping[str, Any]], cut: str) -> Chart:
    """Where the likelihood of both responses goes."""

    def paint(axes: list[Axes]) -> None:
        axis = axes[0]
        _scatter(axis, rows, "rejected_change", "chosen_change")
        axis.axhline(0.0, color=colour("muted"), linewidth=0.8, zorder=1)
        axis.axvline(0.0, color=colour("muted"), linewidth=0.8, zorder=1)
        axis.set_xlabel("rejected: log π/π_ref, nats")
        axis.set_ylabel("chosen, nats")

    svg = draw("changes", "Change of the log-probability of chosen and rejected responses", paint, height=2.7)
    below = sum(row["chosen_change"] < 0 for row in rows) / len(rows)
    note = f"Below the level line ({below:.0%}) the chosen response became less likely"
    return Chart("Where the likelihood goes", svg, _RANKED, _joined(note, cut))


def _reward_length(rows: Sequence[Mapping[str, Any]], cut: str) -> Chart:
    """The implicit reward margin over the ratio of lengths."""
    apart = np.array([math.log2(max(row["tokens_chosen"], 1) / max(row["tokens_rejected"], 1)) for row in rows])
    gain = np.array([row["chosen_change"] - row["rejected_change"] for row in rows])

    def paint(axes: list[Axes]) -> None:
        axis = axes[0]
        placed = [{**row, "x": x, "y": y} for row, x, y in zip(rows, apart.tolist(), gain.tolist(), strict=True)]
        _scatter(axis, placed, "x", "y")
        if np.ptp(apart) > 0:
            slope, start = np.polyfit(apart, gain, 1)
            ends = np.array([apart.min(), apart.max()])
            axis.plot(ends, start + slope * ends, color=colour("ink"), linewidth=1.2)
        axis.axhline(0.0, color=colour("muted"), linewidth=0.8, zorder=1)
        axis.axvline(0.0, color=colour("muted"), **_DASHED)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _times(value)))
        axis.set_xlabel("tokens of chosen over tokens of rejected")
        axis.set_ylabel("reward margin, nats")

    svg = draw("reward-length", "Implicit reward margin over the ratio of lengths", paint, height=2.7)
    note = "The line is a linear fit; the steeper it rises, the more the model has learned length"
    return Chart("Length in the implicit reward", svg, _RANKED, _joined(note, cut))


def reward_chart(figures: Mapping[str, float], sets: Sequence[str]) -> Chart:
    """Accuracy of the explicit and the implicit reward by set.

    Args:
        figures: shares ``explicit/SET`` and ``implicit/SET``.
        sets: their names, from top to bottom.
    """
    kinds = (("explicit", "accent", -0.18), ("implicit", "after", 0.18))

    def paint(axes: list[Axes], sets: Sequence[str]) -> None:
        axis = axes[0]
        for kind, shade, offset in kinds:
            values = [100 * figures[f"{kind}/{name}"] for name in sets]
            axis.barh([place + offset for place in range(len(sets))], values, color=colour(shade), height=0.32)
        axis.axvline(50, color=colour("muted"), **_DASHED)
        _rows_axis(axis, sets)
        axis.set_xlim(0, 100)
        axis.set_xlabel("pairs ranked right, %")

    svg = draw("rewards", "Accuracy by set", partial(paint, sets=sets), height=0.8 + 0.34 * len(sets))
    return Chart(
        "Explicit and implicit reward", svg, tuple((kind, shade) for kind, shade, _ in kinds), "50 % is chance"
    )


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
