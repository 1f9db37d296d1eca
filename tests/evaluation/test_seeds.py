"""Figures over seeds: the interval of a few runs, and what is compared."""

from __future__ import annotations

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.evaluation.intervals import mean_with_interval, mean_with_t_interval
from penchant.evaluation.report.dots import dot_limits
from penchant.evaluation.seeds import figures_of_run, over_seeds

numbers = st.floats(-1e3, 1e3)


@pytest.mark.parametrize(
    ("count", "quantile"),
    [(2, 12.7062), (3, 4.3027), (6, 2.5706), (21, 2.0860), (22, 2.0796), (31, 2.0423), (121, 1.9799)],
)
def test_the_interval_has_the_quantile_of_the_tables(count: int, quantile: float) -> None:
    values = [1.0, -1.0] * (count // 2) + [0.0] * (count % 2)
    mean, low, high = mean_with_t_interval(values)
    deviation = (sum(value**2 for value in values) / (count - 1)) ** 0.5
    assert mean == pytest.approx(0) and high == pytest.approx(-low)
    assert high / (deviation / count**0.5) == pytest.approx(quantile, abs=1e-4)


@given(st.lists(numbers, min_size=1, max_size=40), numbers)
def test_the_interval_moves_with_the_values_and_is_wider_than_the_normal_one(values: list[float], shift: float) -> None:
    mean, low, high = mean_with_t_interval(values)
    assert mean == pytest.approx(fmean(values), abs=1e-9) and low <= mean <= high
    _, normal_low, normal_high = mean_with_interval(values)
    assert high - low >= normal_high - normal_low - 1e-9
    moved = mean_with_t_interval([value + shift for value in values])
    assert moved == pytest.approx((mean + shift, low + shift, high + shift), abs=1e-6)


def test_a_figure_that_a_run_has_not_measured_is_left_out() -> None:
    runs = [figures_of_run({"after": {"kl": 1.0}, "seconds": 2.0}), figures_of_run({"after": {"kl": 3.0, "loss": 9.0}})]
    found = over_seeds(runs)
    assert list(found) == ["kl", "seconds"]
    assert found["kl"]["mean"] == 2.0 and found["seconds"]["values"] == [2.0]
    assert figures_of_run({"before": {"kl": 0.0}, "seconds": 2.0}, "before") == {"kl": 0.0}


@given(st.lists(st.lists(numbers, min_size=1, max_size=4), min_size=1, max_size=5), st.none() | numbers)
def test_every_dot_lies_within_the_axis(seeds: list[list[float]], before: float | None) -> None:
    figures = [over_seeds([{"kl": value} for value in values])["kl"] for values in seeds]
    (low, high), cut = dot_limits(figures, before)
    dots = [value for values in seeds for value in values] + ([] if before is None else [before])
    assert low < min(dots) and max(dots) < high
    ends = [end for figure in figures for end in (figure["low"], figure["high"])]
    assert cut == (min(ends) < low or max(ends) > high)
