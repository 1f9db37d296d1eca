"""The held-out figures of a run before and after training, from its summary or else from its curves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from penchant.evaluation.report.list_table import PREFIX
from penchant.evaluation.report.quantities import LOG_RATIO, Quantity, order, quantity
from penchant.evaluation.report.run_folder import Curve, RunFolder, finite_number, numbers_of

__all__ = ["BeforeAfter", "Figure", "before_after"]


@dataclass(frozen=True)
class Figure:
    """One quantity before and after; either may be unknown. ``interval`` (95 %) belongs to the figure after."""

    quantity: Quantity
    before: float | None
    after: float | None
    interval: tuple[float, float] | None = None

    @property
    def shown(self) -> tuple[str, str]:
        """Before and after as text, in the same number of digits."""
        before, after = self.quantity.show(self.before, self.after)
        return before, after

    @property
    def shown_interval(self) -> str:
        """The interval as text; empty if there is none."""
        if self.interval is None:
            return ""
        low, high = self.quantity.show(*self.interval)
        return f"{low.removesuffix(' %')} to {high}"

    @property
    def baseline(self) -> float | None:
        """The value that the figure after is compared to: the one before, or else chance."""
        return self.quantity.chance if self.before is None else self.before

    @property
    def change(self) -> str:
        """The signed change as text; empty if one side is unknown."""
        return "" if self.before is None or self.after is None else self.quantity.change(self.before, self.after)

    @property
    def judged(self) -> Literal["better", "worse", "same", "unclear", ""]:
        """Whether the figure after is better than the baseline; empty if unknown or if neither direction is better.

        "unclear" means that the interval around the figure after contains the baseline.
        """
        if self.baseline is None or self.after is None:
            return ""
        judged = self.quantity.judge(self.baseline, self.after)
        noisy = self.interval is not None and self.interval[0] <= self.baseline <= self.interval[1]
        return "unclear" if noisy and judged in ("better", "worse") else judged


# Ends of an interval are shown with the figure that they belong to.
ENDS = ("/low", "/high")


@dataclass(frozen=True)
class BeforeAfter:
    """All figures of a run by metric key, most important first.

    ``origin`` describes where they come from; ``held_out`` is false for training examples.
    """

    figures: dict[str, Figure]
    origin: str
    held_out: bool = True

    def get(self, key: str) -> Figure | None:
        """The figure of a metric, if its value after training is known."""
        figure = self.figures.get(key)
        return figure if figure is not None and figure.after is not None else None


def before_after(run: RunFolder) -> BeforeAfter:
    """The figures before and after training.

    They come from the summary. A stopped run has no summary: then they are the first and the last held-out
    evaluation of its curves, and ``origin`` says so.

    Example:
        >>> from pathlib import Path
        >>> run = RunFolder(Path("x"), summary={"before": {"loss": 0.6931}, "after": {"loss": 0.55}})
        >>> before_after(run).figures["loss"].change
        '−0.143'
    """
    before, after = numbers_of(run.summary.get("before")), numbers_of(run.summary.get("after"))
    measured_on = str(run.summary.get("measured_on") or "held-out examples")
    origin = f"measured on {measured_on}, before and after training"
    if not after:
        before, after, origin = _from_curves(run.held_out)
    intervals = run.summary.get("intervals")
    figures = {
        key: Figure(_quantity(key, run), before.get(key), after.get(key), _interval(intervals, key))
        for key in order({key for key in (*before, *after) if not key.startswith(PREFIX) and not key.endswith(ENDS)})
    }
    return BeforeAfter(figures, origin, held_out=not measured_on.startswith("training"))


def _quantity(key: str, run: RunFolder) -> Quantity:
    """The quantity of a metric; rewards of a reward model are not measured in nats, and have no unit of their own."""
    known = quantity(key)
    return replace(known, unit="") if known.unit == LOG_RATIO and run.rewards_of_a_head else known


def _from_curves(curves: dict[str, Curve]) -> tuple[dict[str, float], dict[str, float], str]:
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    steps: set[int] = set()
    for key, curve in curves.items():
        where = np.flatnonzero(curve.finite)
        if len(where) >= 2:
            first[key], last[key] = float(curve.values[where[0]]), float(curve.values[where[-1]])
            steps |= {int(curve.steps[where[0]]), int(curve.steps[where[-1]])}
    if not steps:
        return {}, {}, ""
    return first, last, f"from the first and the last held-out evaluation (steps {min(steps)} and {max(steps)})"


def _interval(intervals: object, key: str) -> tuple[float, float] | None:
    pair = intervals.get(key) if isinstance(intervals, dict) else None
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return None
    low, high = finite_number(pair[0]), finite_number(pair[1])
    return None if low is None or high is None else (low, high)
