"""A chart of figures with their intervals, one a row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import colour, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["interval_chart"]

#: Name, value, and the ends of its interval.
Row = tuple[str, float, float, float]


def interval_chart(title: str, rows: Sequence[Row], label: str, *, note: str = "", zero: float | None = None) -> Chart:
    """Draw a point and a line for each row, from top to bottom.

    Args:
        title: of the chart.
        rows: name, value, low, high.
        label: what is measured, with its unit.
        note: below the chart.
        zero: the value that means nothing, as a dashed line; None for no line.
    """
    slug = "intervals-" + "-".join(title.lower().split())
    svg = draw(slug, f"{title} with intervals", partial(_paint, rows=rows, label=label, zero=zero), height=_high(rows))
    return Chart(title, svg, note=note)


def _high(rows: Sequence[Row]) -> float:
    return 0.7 + 0.2 * len(rows)


def _paint(axes: list[Axes], rows: Sequence[Row], label: str, zero: float | None) -> None:
    one, ink = axes[0], colour("accent")
    for place, (_name, value, low, high) in enumerate(rows):
        one.plot([low, high], [place, place], color=ink, linewidth=1.4)
        one.plot([value], [place], "o", color=ink, markersize=4)
    if zero is not None:
        one.axvline(zero, color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    one.set_ylim(len(rows) - 0.5, -0.5)
    one.set_yticks(range(len(rows)))
    one.set_yticklabels([name[:32] for name, *_ in rows], parse_math=False)
    one.grid(False, axis="y")
    one.grid(True, axis="x")
    one.xaxis.set_major_locator(MaxNLocator(5))
    one.set_xlabel(label)
