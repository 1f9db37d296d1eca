"""The chart of calibration."""

from __future__ import annotations

from penchant.evaluation.report.calibration import calibration_chart


def test_points_on_the_edge_are_drawn_whole() -> None:
    chart = calibration_chart({"after": {"desirable": [20.0] * 8, "undesirable": [-20.0] * 8}})
    assert chart is not None and "var(--accent)" in chart.svg
    # What is cut at the axes are the six lines of the grid, the diagonal and the share of desirable responses.
    assert chart.svg.count("clip-path=") == 6 + 2
