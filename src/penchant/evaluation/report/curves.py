"""Charts of training curves: thin raw line, smoothed line, held-out evaluations as points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from penchant.evaluation.report.drawing import colour, draw, people_ticks
from penchant.evaluation.report.panels import Panel
from penchant.evaluation.report.quantities import number
from penchant.evaluation.report.run_folder import Curve, RunFolder

__all__ = ["Chart", "Series", "axis_limits", "is_drawable", "paint_series", "run_charts", "series_of", "smoothed"]

Limits = tuple[float, float]  # lowest and highest value of an axis

_RAW_POINTS = 600


@dataclass(frozen=True)
class Series:
    """One metric of one run, ready to be drawn."""

    train: Curve | None
    held_out: Curve | None
    colour: str
    label: str
    interval: tuple[Curve, Curve] | None = None  # low and high of the held-out points, at the same steps

    @property
    def curves(self) -> list[Curve]:
        """The curves that exist, training and held-out."""
        return [curve for curve in (self.train, self.held_out) if curve is not None]


@dataclass(frozen=True)
class Chart:
    """A finished chart: title, SVG, legend as (label, CSS colour), and a note."""

    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...] = ()
    note: str = ""


def run_charts(run: RunFolder, panels: Iterable[Panel], *, width: float, height: float) -> list[Chart]:
    """The charts of the panels for which the run has data."""
    charts = []
    for panel in panels:
        series = [series_of(run, key, shade, label) for key, shade, label in panel.lines]
        series = [line for line in series if is_drawable(line)]
        if not series:
            continue
        limits, note = axis_limits(series)
        svg = draw(
            panel.slug,
            f"{panel.title} over training steps",
            partial(paint_series, panel=panel, series=series, limits=limits),
            width=width,
            height=height,
        )
        legend = tuple((line.label, line.colour) for line in series) if len(series) > 1 else ()
        charts.append(Chart(panel.title, svg, legend, note))
    return charts


def series_of(run: RunFolder, key: str, shade: str, label: str) -> Series:
    """One metric of a run."""
    low, high = run.held_out.get(f"{key}/low"), run.held_out.get(f"{key}/high")
    interval = None if low is None or high is None else (low, high)
    return Series(run.train.get(key), run.held_out.get(key), shade, label, interval)


def is_drawable(series: Series) -> bool:
    """Whether there are at least two finite points, the minimum for a curve."""
    return sum(int(curve.finite.sum()) for curve in series.curves) >= 2


def paint_series(
    rows: list[Axes], panel: Panel, series: list[Series], limits: Limits | None = None, *, raw: bool = True
) -> None:
    """Draw the series of one panel on the first of ``rows``, scaled to its unit, with axis labels and ticks.

    Without ``raw`` only averages and points are drawn, and the axis fits them; values beyond ``limits`` are
    excluded from the averages in both cases.
    """
    axes = rows[0]
    scale, unit = _scale(panel, series)
    low, high = limits or (-np.inf, np.inf)
    if panel.reference is not None:
        axes.axhline(panel.reference, color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 2)), zorder=1.5)
    for line in series:
        _paint_line(axes, line, scale, (low * scale, high * scale), raw=raw and panel.smooth, smooth=panel.smooth)
    axes.set_xlabel("step")
    axes.set_ylabel(unit)
    people_ticks(axes, percent=panel.percent)
    _widen(axes, least=1.0 if panel.percent else 0.0)
    if panel.percent:
        _fit_percent(axes)
    elif limits is not None and raw:
        axes.set_ylim(limits[0] * scale, limits[1] * scale)


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Centred moving average over the available values; NaN and positions beyond the ends are ignored.

    Example:
        >>> smoothed(np.array([0.0, 3.0, np.nan, 6.0, 9.0]), 3).tolist()
        [1.5, 1.5, 4.5, 7.5, 7.5]
    """
    if window <= 1:
        return values
    known = np.isfinite(values)
    sums = np.concatenate(([0.0], np.cumsum(np.where(known, values, 0.0))))
    counts = np.concatenate(([0], np.cumsum(known)))
    places = np.arange(len(values))
    low, high = np.maximum(places - window // 2, 0), np.minimum(places + window // 2 + 1, len(values))
    with np.errstate(invalid="ignore"):
        return (sums[high] - sums[low]) / np.where(counts[high] > counts[low], counts[high] - counts[low], np.nan)


def _window(points: int) -> int:
    """The smoothing window for a number of points: about a fifteenth of it, odd, 1 for short curves."""
    return 1 if points < 20 else 2 * (points // 30) + 1


def _paint_line(axes: Axes, line: Series, scale: float, limits: Limits, *, raw: bool, smooth: bool) -> None:
    shade = colour(line.colour)
    if line.train is not None and line.train.finite.any():
        steps, values = line.train.steps, line.train.values * scale
        width = _window(len(values)) if smooth else 1
        if raw and width > 1:
            thin = _thinned(values)
            axes.plot(steps[thin], values[thin], color=shade, linewidth=0.7, alpha=0.3)
        thick = np.unique(np.linspace(0, len(values) - 1, _RAW_POINTS).astype(int))
        # One spike beyond the axis would move the average of a whole window off the axis.
        inside = np.where((values >= limits[0]) & (values <= limits[1]), values, np.nan)
        axes.plot(steps[thick], smoothed(inside, width)[thick], color=shade, linewidth=1.5)
    if line.interval is not None:
        low, high = line.interval
        axes.vlines(low.steps, low.values * scale, high.values * scale, color=shade, linewidth=1.2, alpha=0.6, zorder=4)
    if line.held_out is not None and line.held_out.finite.any():
        axes.plot(
            line.held_out.steps,
            line.held_out.values * scale,
            "o",
            color=shade,
            markersize=4.6,
            markeredgecolor=colour("panel"),
            markeredgewidth=1.0,
            clip_on=False,
            zorder=5,
        )


def _thinned(values: np.ndarray) -> np.ndarray:
    """Indices of the lowest and highest value of each segment, so that no spike of a long run is lost."""
    if len(values) <= _RAW_POINTS:
        return np.arange(len(values))
    kept: set[int] = set()
    for stretch in np.array_split(np.arange(len(values)), _RAW_POINTS // 2):
        inside = values[stretch]
        if np.isfinite(inside).any():
            kept |= {int(stretch[np.nanargmin(inside)]), int(stretch[np.nanargmax(inside)])}
    return np.array(sorted(kept))


def _scale(panel: Panel, series: list[Series]) -> tuple[float, str]:
    """A factor for the values, and the resulting unit: percent, or a power of ten for very small values."""
    if panel.percent:
        return 100.0, panel.unit
    largest = max(float(np.abs(curve.values[curve.finite]).max(initial=0)) for line in series for curve in line.curves)
    if largest == 0 or largest >= 1e-2:
        return 1.0, panel.unit
    exponent = int(np.floor(np.log10(largest)))
    power = number(10.0**exponent).removeprefix("1 × ") if exponent < -3 else f"10{'⁻²' if exponent == -2 else '⁻³'}"
    return 10.0**-exponent, f"{panel.unit} × {power}".strip()


def _widen(axes: Axes, least: float) -> None:
    """Give an axis on which values differ by rounding alone, or by less than ``least``, room on both sides."""
    low, high = axes.get_ylim()
    size = max(abs(low), abs(high))
    if high - low < max(least, 1e-5 * size):
        room = max(least, 0.05 * size)
        axes.set_ylim(low - room, high + room)


def _fit_percent(axes: Axes) -> None:
    low, high = axes.get_ylim()
    # Room below 0 % for the points there, and none for a tick.
    least = max(-3.0, -0.06 * max(high, 0.0))
    axes.set_ylim(max(low, least) if low >= -6 else low, min(high, 103.0) if high <= 106 else high)


def axis_limits(series: list[Series]) -> tuple[Limits | None, str]:
    """Axis limits that ignore outliers, and a note on values beyond them or not finite."""
    notes = []
    missing = sum(int((~curve.finite).sum()) for line in series for curve in line.curves)
    if missing:
        notes.append(f"{missing} non-finite values left out" if missing > 1 else "One non-finite value left out")
    values = np.concatenate([curve.values[curve.finite] for line in series for curve in line.curves])
    low, high = np.percentile(values, [2, 98])
    room = 2.5 * max(high - low, 1e-12)
    inside = values[(values >= low - room) & (values <= high + room)]
    limits = None
    if len(values) >= 20 and len(inside) < len(values):
        margin = 0.05 * (inside.max() - inside.min())
        limits = (float(inside.min() - margin), float(inside.max() + margin))
        beyond = values[(values < limits[0]) | (values > limits[1])]
        worst = float(beyond[np.argmax(np.abs(beyond))]) if len(beyond) else 0.0
        notes.append(
            f"{len(beyond)} values beyond the axis, up to {number(worst)}"
            if len(beyond) > 1
            else f"One value beyond the axis: {number(worst)}"
        )
    return limits, "; ".join(notes)
