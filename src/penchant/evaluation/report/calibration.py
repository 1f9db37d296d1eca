"""The chart of calibration: the share of desirable responses against σ(reward)."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from penchant.evaluation.judged import Bin, calibration_bins
from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import colour, draw
from penchant.evaluation.report.run_folder import finite_number
from penchant.statistics import share_interval

__all__ = ["calibration_chart"]


def calibration_chart(rewards: dict[str, Any], shift: float = 0.0) -> Chart | None:
    """The chart for the data in ``rewards.json``; None without judgements of both labels after training.

    Args:
        rewards: ``{"after": {"desirable": [...], "undesirable": [...]}}``; non-finite values are left out.
        shift: what the objective subtracts from a reward before it compares it with a label (δ of BCO).
    """
    after = rewards.get("after")
    sides = {side: _finite(after, side) for side in ("desirable", "undesirable")}
    if not all(sides.values()):
        return None
    bins = calibration_bins(sides, shift=shift)
    svg = draw(
        "calibration",
        "Share of desirable responses against the sigmoid of the reward, in bins of equal size",
        lambda axes: _paint(axes[0], bins, "σ(reward − shift), %" if shift else "σ(reward), %"),
        height=2.5,
    )
    good, total = len(sides["desirable"]), sum(map(len, sides.values()))
    note = f"Dashed: calibrated; dotted: the share of desirable responses ({100 * good / total:.0f} %); 95 % intervals"
    return Chart("Calibration of the rewards", svg, (), note)


def _paint(axis: Axes, bins: list[Bin], label: str) -> None:
    axis.plot([0, 100], [0, 100], color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 2)))
    total = sum(each.responses for each in bins)
    share = 100 * sum(each.observed * each.responses for each in bins) / total
    axis.axhline(share, color=colour("muted"), linewidth=0.8, linestyle=(0, (1, 2)))
    for each in bins:
        found = share_interval(each.observed, each.responses)
        ends = [100 * found.low, 100 * found.high]
        axis.plot([100 * each.expected] * 2, ends, color=colour("accent"), linewidth=1, clip_on=False)
    expected, observed = ([100 * value for value in values] for values in list(zip(*bins, strict=True))[:2])
    axis.plot(expected, observed, "o", color=colour("accent"), markersize=3.5, clip_on=False)
    axis.set_ylim(0, 100)
    low, high = min(expected), max(expected)
    room = max(2.0, 0.08 * (high - low))
    axis.set_xlim(max(0.0, low - room), min(100.0, high + room))
    axis.set_xlabel(label)
    axis.set_ylabel("desirable, %")


def _finite(after: Any, side: str) -> list[float]:
    items = after.get(side) if isinstance(after, dict) else None
    found = [finite_number(each) for each in items] if isinstance(items, list) else []
    return [each for each in found if each is not None]
