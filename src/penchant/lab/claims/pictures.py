"""Plots of claims: the arms with their seeds, and a small interval plot per effect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from penchant.evaluation.report.drawing import RUN_COLOURS, colour, draw
from penchant.statistics import student_interval

__all__ = ["arms_picture", "effect_picture"]

_TONES = {"reproduced": "after", "not reproduced": "rejected", "inconclusive": "muted"}
_WIDTH = 160


def arms_picture(row: Mapping[str, Any]) -> Markup:
    """Plot of the arms of a claim: mean and 95 % interval of each, with its seeds as dots.

    Args:
        row: a row of `penchant.lab.claims.results`.

    Returns:
        An ``<svg>`` element for report pages.
    """
    arms: dict[str, list[float]] = row["arms"]
    description = "; ".join(f"{arm} {student_interval(values)}" for arm, values in arms.items())

    def paint(axes: list[Axes]) -> None:
        for place, values in enumerate(arms.values()):
            interval, tone = student_interval(values), colour(RUN_COLOURS[place % len(RUN_COLOURS)])
            spread = [
                0.18 * math.sin(2.4 * number) for number in range(len(values))
            ]  # jitter, so that dots do not overlap
            axes[0].plot(values, [place + each for each in spread], "o", color=tone, alpha=0.35, ms=3, mew=0)
            axes[0].plot([interval.low, interval.high], [place, place], color=tone, lw=2)
            axes[0].plot([interval.value], [place], "o", color=tone, ms=5)
        axes[0].set_yticks(range(len(arms)), list(arms))
        axes[0].set_ylim(len(arms) - 0.5, -0.5)
        axes[0].xaxis.set_major_locator(MaxNLocator(5))
        axes[0].grid(False, axis="y")

    return draw(f"claim-{row['id']}", description, paint, width=3.6, height=0.6 + 0.28 * len(arms))


def effect_picture(effect: Mapping[str, Any]) -> Markup:
    """Plot of an effect and its interval on a common scale, small enough for a table cell.

    The interval must be right of the solid line (no effect, or the non-inferiority margin); the dashed line is the
    smallest effect that counts (or no difference). Their distance is the unit; the scale is linear up to one unit from
    the solid line and logarithmic beyond.

    Plain SVG, since a matplotlib figure is thirty times larger and there are hundreds of effects.

    Args:
        effect: an effect of a row of `penchant.lab.claims.results`.

    Returns:
        An ``<svg>`` element in the colours of the page; empty if the effect is NaN.
    """
    unit = effect["smallest"] or effect["not_worse_by"]
    floor = 0.0 if effect["smallest"] else -unit
    found = [(effect[name] - floor) / unit for name in ("low", "value", "high")]
    if not all(map(math.isfinite, found)):
        return Markup()
    low, value, high = map(_place, found)
    tone = f"var(--{_TONES[effect['verdict']]})"
    return Markup(
        f'<svg class="claim-effect" viewBox="0 0 {_WIDTH} 12" width="{_WIDTH}" height="12" aria-hidden="true">'
        f'<path d="M{_place(0)} 0V12" stroke="var(--muted)"/>'
        f'<path d="M{_place(1)} 0V12" stroke="var(--muted)" stroke-dasharray="2"/>'
        f'<path d="M{low} 6H{high}" stroke="{tone}" stroke-width="2"/>'
        f'<circle cx="{value}" cy="6" r="3" fill="{tone}"/></svg>'
    )


def _place(units: float) -> str:
    """Horizontal position; the plot spans −100 to 1000 units, and values outside are drawn at its edge."""
    scaled = units if abs(units) <= 1 else math.copysign(1 + math.log10(abs(units)), units)
    return f"{4 + (_WIDTH - 8) * (min(max(scaled, -3), 4) + 3) / 7:.1f}"
