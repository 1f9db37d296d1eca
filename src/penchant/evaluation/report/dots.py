"""Dot charts: one figure of several objectives, with seeds, mean and interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from penchant.evaluation.report.drawing import Colours
from penchant.evaluation.report.quantities import Quantity

__all__ = ["dot_limits", "paint_dots"]

#: Figures that cannot be negative: their intervals are cut at 0.
_NEVER_NEGATIVE = {"kl", "samples/length", "seconds"}

Row = tuple[str, Mapping[str, Any] | None, str]  # name, figure over seeds, colour


def dot_limits(figures: Sequence[Mapping[str, Any]], before: float | None) -> tuple[tuple[float, float], bool]:
    """Axis limits that contain every dot, and every interval that does not dwarf the dots; and whether one is cut.

    The interval of two seeds is nine times as wide as their distance and would hide everything else.

    Example:
        >>> figures = [{"values": [1.0, 2.0], "low": -4.9, "high": 7.9}]
        >>> dot_limits(figures, None)
        ((-0.81, 3.81), True)
    """
    dots = [value for each in figures for value in each["values"]] + ([] if before is None else [before])
    low, high = min(dots), max(dots)
    room = 1.6 * _span(low, high) or 0.1 * abs(high) or 1.0
    ends = [end for each in figures for end in (each["low"], each["high"])]
    low, high = max(min([low, *ends]), low - room), min(max([high, *ends]), high + room)
    margin = 0.05 * _span(low, high) or 0.1 * abs(high) or 1.0
    low, high = low - margin, high + margin
    return (low, high), min(ends) < low or max(ends) > high


def _span(low: float, high: float) -> float:
    """The distance of two numbers; 0 if they differ only by rounding."""
    return high - low if high - low > 1e-9 * max(abs(low), abs(high)) else 0.0


def paint_dots(axes: Axes, rows: Sequence[Row], known: Quantity, before: float | None, colours: Colours) -> None:
    """Draw the chart.

    Args:
        axes: to draw on.
        rows: from top to bottom; a row without a figure stays empty.
        known: the quantity of the figure.
        before: its value before training, drawn as a dashed line; None for no line.
        colours: by name.
    """
    scale, floor = 100 if known.share else 1, _floor(known)
    for place, (_, figure, name) in enumerate(rows):
        if figure is None:
            _paint_nothing(axes, place, colours)
        else:
            _paint_row(axes, place, figure, scale, floor, colours(name))
    if before is not None:
        axes.axvline(scale * before, color=colours("before"), linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
    figures = [figure for _, figure, _ in rows if figure is not None]
    (low, high), _cut = dot_limits(figures, before)
    # Some room below 0, so that a line at 0 is fully visible.
    axes.set_xlim(scale * max(low, floor - 0.04 * (high - max(low, floor))), scale * high)
    _label(axes, [name for name, _, _ in rows], known)


def _floor(known: Quantity) -> float:
    """The lower bound of a figure."""
    return 0.0 if known.share or known.key in _NEVER_NEGATIVE else float("-inf")


def _paint_row(axes: Axes, place: int, figure: Mapping[str, Any], scale: float, floor: float, ink: str) -> None:
    """Draw the interval, a dot for each seed, and the mean."""
    values = [scale * value for value in figure["values"]]
    ends = [scale * max(floor, figure["low"]), scale * figure["high"]]
    axes.plot(ends, [place] * 2, color=ink, linewidth=1.4, alpha=0.55)
    axes.plot(values, [place] * len(values), "o", color=ink, markersize=3.6, markeredgewidth=0)
    axes.plot([scale * figure["mean"]], [place], "D", color=ink, markersize=5.5, markeredgewidth=0)


def _paint_nothing(axes: Axes, place: int, colours: Colours) -> None:
    box = {"facecolor": colours("panel"), "edgecolor": "none", "pad": 1}
    text = axes.text(0.02, place, "not measured", transform=axes.get_yaxis_transform(), va="center", bbox=box)
    text.set_color(colours("muted"))


def _label(axes: Axes, names: Sequence[str], known: Quantity) -> None:
    """Label the rows with names and the axis with the unit."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    sign = " %" if known.share else ""
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}{sign}".replace("-", "−")))
    axes.set_xlabel("" if known.share else known.unit)
