"""Histograms over held-out examples: implicit rewards and log-probability margins, before and after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import colour, draw, people_ticks
from penchant.evaluation.report.quantities import HEAD_REWARD, LOG_RATIO, number
from penchant.evaluation.report.run_folder import finite_number

__all__ = ["histograms"]

_BINS = 28
_WHEN = ("before", "after")
_PAIR, _LABELS = ("chosen", "rejected"), ("desirable", "undesirable")
#: The page's colour of each side.
_SHADES = {"chosen": "chosen", "rejected": "rejected", "desirable": "chosen", "undesirable": "rejected"}


def histograms(rewards: dict[str, Any], *, of_a_head: bool = False) -> list[Chart]:
    """The histograms for the data in ``rewards.json``: none, one, or both.

    Args:
        rewards: ``{"before": {"chosen": [...], "rejected": [...]}, "after": {...}, "logp_margin": {"before": [...],
            "after": [...]}}``, of judgements ``desirable`` and ``undesirable`` instead; any part may be missing;
            non-finite values are left out and counted.
        of_a_head: the rewards are those of a reward model's head, no log-ratios.

    Returns:
        Charts of the rewards (β × nats if they are implicit) and of the log-probability margin (nats per token).
    """
    charts = [_reward_chart(rewards, of_a_head), _margin_chart(rewards.get("logp_margin"))]
    return [chart for chart in charts if chart is not None]


def _reward_chart(rewards: dict[str, Any], of_a_head: bool) -> Chart | None:
    title = "Rewards" if of_a_head else "Implicit rewards"
    unit = HEAD_REWARD if of_a_head else f"implicit reward, {LOG_RATIO}"
    sides = _PAIR if any(_part(_part(rewards, when), _PAIR[0]) for when in _WHEN) else _LABELS
    rows: list[tuple[str, list[tuple[np.ndarray, str]]]] = []
    notes, missing = [], 0
    for when in _WHEN:
        pair = []
        for side in sides:
            values, bad = _values(_part(rewards.get(when), side))
            missing += bad
            if len(values):
                pair.append((values, _SHADES[side]))
        if pair and when == "before" and all(np.allclose(values, values[0]) for values, _ in pair):
            first = number(float(pair[0][0][0]))
            why = "" if of_a_head else ", because policy and reference are the same model"
            notes.append(f"before training every example is at {first}{why}")
        elif pair:
            rows.append((when, pair))
    if not rows:
        return None
    edges, beyond = _edges([values for _, pair in rows for values, _ in pair])
    svg = draw(
        "reward-histogram",
        f"Histogram of the {title.lower()} of {sides[0]} and {sides[1]} responses",
        lambda axes: _paint_rows(axes, rows, edges, unit),
        height=2.5,
        rows=len(rows),
    )
    after = dict((side, values) for values, side in rows[-1][1])
    if rows[-1][0] == "after" and len(after) == 2:
        means = [f"{side} {number(float(after[_SHADES[side]].mean()))}" for side in sides]
        notes.insert(0, f"mean after: {', '.join(means)}")
    shown = [side for side in sides if any(_SHADES[side] == shade for _, pair in rows for _, shade in pair)]
    legend = tuple((side, _SHADES[side]) for side in shown)
    return Chart(title, svg, legend, _note(notes, missing, beyond))


def _margin_chart(margins: Any) -> Chart | None:
    shown, missing, notes = [], 0, []
    for when in ("before", "after"):
        values, bad = _values(_part(margins, when))
        missing += bad
        if len(values):
            shown.append((values, when))
            notes.append(f"{100 * float((values > 0).mean()):.0f} % {when}")
    if not shown:
        return None
    edges, beyond = _edges([values for values, _ in shown])
    svg = draw(
        "margin-histogram",
        "Histogram of the log-probability margin between chosen and rejected responses",
        lambda axes: _paint_rows(axes, [("", shown)], edges, "chosen minus rejected, nats per token"),
        height=2.5,
    )
    share = f"chosen more likely per token than rejected: {', '.join(notes)}"
    return Chart(
        "Log-probability margin", svg, tuple((when, when) for _, when in shown), _note([share], missing, beyond)
    )


def _paint_rows(
    axes: list[Axes], rows: list[tuple[str, list[tuple[np.ndarray, str]]]], edges: np.ndarray, label: str
) -> None:
    for axis, (title, groups) in zip(axes, rows, strict=True):
        bins = edges.tolist()
        for values, shade in groups:
            clipped = np.clip(values, edges[0], edges[-1])
            axis.hist(clipped, bins=bins, color=colour(shade), alpha=0.28)
            axis.hist(clipped, bins=bins, color=colour(shade), histtype="step", linewidth=1.2)
        axis.axvline(0.0, color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 2)))
        people_ticks(axis)
        axis.yaxis.get_major_locator().set_params(integer=True, nbins=3 if len(rows) > 1 else 5)  # type: ignore[call-arg]
        axis.xaxis.get_major_locator().set_params(integer=False)  # type: ignore[call-arg]
        axis.xaxis.set_major_formatter(axis.yaxis.get_major_formatter())
        axis.set_ylabel("examples")
        if title and len(rows) > 1:
            axis.text(0.0, 0.98, title, transform=axis.transAxes, va="top", fontweight="bold")
    axes[-1].set_xlabel(label)


def _edges(groups: Iterable[np.ndarray]) -> tuple[np.ndarray, int]:
    """Common bin edges that ignore outliers, and the number of values beyond them."""
    values = np.concatenate(list(groups))
    low, high = np.percentile(values, [1, 99])
    room = max(high - low, 1e-6)
    low, high = max(float(values.min()), low - room), min(float(values.max()), high + room)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1), int(((values < low) | (values > high)).sum())


def _part(mapping: Any, key: str) -> Any:
    return mapping.get(key) if isinstance(mapping, dict) else None


def _values(items: Any) -> tuple[np.ndarray, int]:
    """The finite numbers of a list, and the number of other entries."""
    if not isinstance(items, list):
        return np.empty(0), 0
    finite = [value for value in map(finite_number, items) if value is not None]
    return np.array(finite, dtype=float), len(items) - len(finite)


def _note(parts: list[str], missing: int, beyond: int) -> str:
    extra = ["one non-finite value left out"] if missing == 1 else []
    if missing > 1:
        extra.append(f"{missing} non-finite values left out")
    if beyond:
        extra.append(f"the outermost bars include {beyond} values beyond the axis")
    text = "; ".join([*parts, *extra])
    return text[:1].upper() + text[1:]
