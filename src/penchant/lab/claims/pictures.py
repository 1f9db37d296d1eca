"""One small picture for each claim, and one of all: means with intervals, seeds as dots."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from penchant.evaluation.report.drawing import RUN_COLOURS, colour, draw
from penchant.statistics import student_interval

__all__ = ["arms_picture", "overview_picture"]

_TONES = {"reproduced": "after", "not reproduced": "rejected", "inconclusive": "muted"}


def arms_picture(row: Mapping[str, Any]) -> Markup:
    """The arms of a claim: mean and 95 % interval of each, with its seeds as dots.

    Args:
        row: of `penchant.lab.claims.results`.

    Returns:
        An ``<svg>`` element for a page of reports.
    """
    arms: dict[str, list[float]] = row["arms"]
    told = "; ".join(f"{arm} {student_interval(values)}" for arm, values in arms.items())

    def paint(axes: list[Axes]) -> None:
        for place, values in enumerate(arms.values()):
            interval, tone = student_interval(values), colour(RUN_COLOURS[place % len(RUN_COLOURS)])
            spread = [0.18 * math.sin(2.4 * number) for number in range(len(values))]  # so that no dot hides another
            axes[0].plot(values, [place + each for each in spread], "o", color=tone, alpha=0.35, ms=3, mew=0)
            axes[0].plot([interval.low, interval.high], [place, place], color=tone, lw=2)
            axes[0].plot([interval.value], [place], "o", color=tone, ms=5)
        axes[0].set_yticks(range(len(arms)), list(arms))
        axes[0].set_ylim(len(arms) - 0.5, -0.5)
        axes[0].xaxis.set_major_locator(MaxNLocator(5))
        axes[0].grid(False, axis="y")

    return draw(f"claim-{row['id']}", told, paint, width=3.6, height=0.6 + 0.28 * len(arms))


def overview_picture(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """All effects on one axis, each in units of the smallest that counts for its claim.

    Args:
        rows: of `penchant.lab.claims.results`.

    Returns:
        An ``<svg>`` element for a page of reports.
    """
    effects = [(row["id"], effect) for row in rows for effect in row["effects"]]

    def paint(axes: list[Axes]) -> None:
        for place, (_, effect) in enumerate(effects):
            tone = colour(_TONES[effect["verdict"]])
            low, value, high = (effect[name] / effect["smallest"] for name in ("low", "value", "high"))
            axes[0].plot([low, high], [place, place], color=tone, lw=1.6)
            axes[0].plot([value], [place], "o", color=tone, ms=4)
        axes[0].set_xscale("symlog", linthresh=1)
        axes[0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
        axes[0].axvline(0, color=colour("rule"), lw=0.8)
        axes[0].axvline(1, color=colour("muted"), lw=0.8, ls="--")
        names = [f"{name}: {effect['difference']}" for name, effect in effects]
        axes[0].set_yticks(range(len(effects)), names)
        axes[0].set_ylim(len(effects) - 0.5, -0.5)
        axes[0].set_xlabel("effect / smallest effect that counts (logarithmic beyond ±1)")
        axes[0].grid(False, axis="y")

    counted = Counter(effect["verdict"] for _, effect in effects)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in _TONES)
    return draw(
        "claims-overview",
        f"{len(effects)} effects: {told}; the table names each",
        paint,
        width=7.0,
        height=0.8 + 0.17 * len(effects),
    )
