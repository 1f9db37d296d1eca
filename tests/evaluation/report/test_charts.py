"""Curves and histograms: true to the data, and not at the mercy of one wild value."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from penchant.evaluation.report.before_after import before_after
from penchant.evaluation.report.curves import axis_limits, paint_series, run_charts, series_of, smoothed
from penchant.evaluation.report.histograms import histograms
from penchant.evaluation.report.panels import MACHINERY, MAIN, Panel, main_panels, other_panels
from penchant.evaluation.report.run_folder import Curve, RunFolder

LOSS = next(panel for panel in MAIN if panel.slug == "loss")


def curve(values: list[float]) -> Curve:
    return Curve(np.arange(1, len(values) + 1), np.array(values, dtype=float))


def painted(run: RunFolder, panel: Panel) -> Axes:
    axes = Figure().subplots()
    series = [series_of(run, key, shade, label) for key, shade, label in panel.lines]
    paint_series([axes], panel, series, axis_limits(series)[0])
    return axes


FINITE = st.floats(-1e6, 1e6)


@given(
    values=st.lists(FINITE | st.just(float("nan")), min_size=1, max_size=40),
    width=st.integers(0, 10).map(lambda half: 2 * half + 1),
)
def test_an_average_lies_within_its_window(values: list[float], width: int) -> None:
    averages = smoothed(np.array(values), width)
    assert len(averages) == len(values)
    for place, average in enumerate(averages):
        inside = np.array(values[max(0, place - width // 2) : place + width // 2 + 1])
        inside = inside[np.isfinite(inside)]
        if len(inside) == 0:
            assert np.isnan(average)
        else:
            assert average == pytest.approx(inside.mean(), abs=1e-3)


def test_the_raw_line_is_the_data_and_the_points_are_the_held_out_values() -> None:
    random = np.random.default_rng(0)
    train, held_out = random.normal(size=50).tolist(), [0.5, 0.25]
    run = RunFolder(Path("run"), train={"loss": curve(train)}, held_out={"loss": curve(held_out)})
    raw, thick, points = painted(run, LOSS).lines
    assert raw.get_ydata().tolist() == train
    assert points.get_ydata().tolist() == held_out
    assert raw.get_linewidth() < thick.get_linewidth()
    assert np.std(thick.get_ydata()) < np.std(train)


def test_one_spike_neither_stretches_the_axis_nor_bends_the_average() -> None:
    values = np.random.default_rng(0).normal(3, 0.2, 200).tolist()
    values[100] = 1e6
    panel = next(panel for panel in MAIN if panel.slug == "gradient")
    run = RunFolder(Path("run"), train={"grad_norm": curve(values)})
    axes = painted(run, panel)
    assert axes.get_ylim()[1] < 10
    assert np.nanmax(axes.lines[1].get_ydata()) < 4
    (chart,) = run_charts(run, [panel], width=4, height=2)
    assert chart.note == "One value beyond the axis: 1,000,000"


def test_a_long_run_keeps_its_extremes_and_stays_small() -> None:
    values = np.random.default_rng(0).normal(0, 1, 50_000)
    run = RunFolder(Path("run"), train={"loss": curve(values.tolist())})
    raw = painted(run, LOSS).lines[0]
    assert len(raw.get_ydata()) <= 600
    assert (raw.get_ydata().max(), raw.get_ydata().min()) == (values.max(), values.min())


def test_small_values_are_scaled_and_the_axis_says_so() -> None:
    rate = next(panel for panel in MACHINERY if panel.slug == "rate")
    axes = painted(RunFolder(Path("run"), train={"learning_rate": curve([5e-6, 2.5e-6])}), rate)
    assert axes.get_ylabel() == "rate × 10⁻⁶"
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([5.0, 2.5])


def test_unknown_metrics_get_a_chart_of_their_own() -> None:
    run = RunFolder(Path("run"), train={"loss": curve([1, 2]), "sigma_beta": curve([1, 2]), "x/y": curve([3])})
    panels = other_panels([run])
    assert [panel.title for panel in panels] == ["Sigma beta", "X: y"]
    assert [chart.title for chart in run_charts(run, panels, width=3, height=2)] == ["Sigma beta"]


@pytest.mark.parametrize("value", [-0.264157585, 38.4, 0.0])
def test_figures_that_differ_by_rounding_alone_are_drawn_as_equal(value: float) -> None:
    run = RunFolder(Path("run"), held_out={"judge/reference_score": curve([value, value * (1 + 2e-9)])})
    (panel,) = other_panels([run])
    low, high = painted(run, panel).get_ylim()
    assert low < value < high and high - low > 0.05 * abs(value)


def test_a_share_that_stays_at_zero_has_no_negative_ticks() -> None:
    run = RunFolder(Path("run"), held_out={"judge/unread": curve([0.0, 0.0])})
    axes = painted(run, *other_panels([run]))
    axes.figure.canvas.draw()
    assert axes.get_ylim()[1] > 0.5 and all(
        tick >= 0 for tick in axes.get_yticks() if axes.get_ylim()[0] <= tick <= axes.get_ylim()[1]
    )


def test_the_rewards_of_a_reward_model_are_not_called_implicit_nor_measured_in_nats() -> None:
    rewards = {"rewards/chosen": curve([0.1, 0.4]), "rewards/rejected": curve([0.1, 0.0])}
    judge = RunFolder(Path("judge"), held_out=rewards)
    policy = RunFolder(Path("policy"), held_out={**rewards, "logps/chosen": curve([-9.0, -8.0])})
    for runs, title, unit in (([judge], "Rewards", "reward"), ([judge, policy], "Implicit rewards", "β × nats")):
        shown = next(each for each in main_panels(runs) if each.slug == "rewards")
        assert (shown.title, shown.unit) == (title, unit)
    assert "nats" not in str(before_after(judge).figures) and "nats" in str(before_after(policy).figures)
    values = {"before": {"chosen": [0.0, 0.0], "rejected": [0.0, 0.0]}, "after": {"chosen": [1.0], "rejected": [-1.0]}}
    (chart,) = histograms(values, of_a_head=True)
    assert chart.title == "Rewards" and "nats" not in chart.svg and "reference" not in chart.note


def test_axes_have_units_and_labels_do_not_overlap() -> None:
    random = np.random.default_rng(0)
    keys = {key for panel in (*MAIN, *MACHINERY) for key, _, _ in panel.lines}
    for scale in (1e-7, 0.3, 70.0, 2.4e5):
        run = RunFolder(Path("run"), train={key: curve((scale * random.normal(1, 1, 90)).tolist()) for key in keys})
        for panel in (*MAIN, *MACHINERY):
            axes = painted(run, panel)
            axes.figure.set_size_inches(3.0, 1.75)
            axes.figure.set_layout_engine("constrained")
            axes.tick_params(labelsize=8)
            axes.figure.canvas.draw()
            assert axes.get_xlabel() == "step" and axes.get_ylabel() != ""
            for axis in (axes.xaxis, axes.yaxis):
                boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
                assert not any(one.overlaps(other) for one, other in pairwise(boxes))


def test_a_histogram_before_training_is_only_drawn_where_it_has_a_shape() -> None:
    after = {"chosen": [0.1, 0.4, 0.2], "rejected": [-0.4, -0.2, 0.0]}
    zero = {"chosen": [0.0] * 3, "rejected": [0.0] * 3}
    (flat,) = histograms({"before": zero, "after": after})
    (both,) = histograms({"before": after, "after": after})
    assert "every example is at 0" in flat.note and flat.svg.count('axes_2"') == 0
    assert "every example" not in both.note and both.svg.count('axes_2"') == 1


def test_histogram_notes_count_what_is_shown() -> None:
    (chart,) = histograms({"logp_margin": {"before": [-1.0, 1.0, 2.0, -3.0], "after": [1.0, 1.0, 2.0, float("nan")]}})
    assert "50 % before, 100 % after" in chart.note
    assert "one non-finite value" in chart.note


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=6))
def test_any_list_of_numbers_makes_a_histogram_or_none(values: list[float]) -> None:
    charts = histograms({"after": {"chosen": values, "rejected": []}})
    assert len(charts) == (1 if np.isfinite(values).any() else 0)
