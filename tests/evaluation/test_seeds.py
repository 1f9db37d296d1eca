"""Figures over seeds: the interval of a few runs, and what is compared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penchant.evaluation.report.dots import dot_limits
from penchant.evaluation.seeds import figures_of_run, over_seeds

numbers = st.floats(-1e3, 1e3)


def test_a_single_run_has_no_interval() -> None:
    [figure] = over_seeds([{"kl": 2.0}]).values()
    assert figure == {"mean": 2.0, "low": 2.0, "high": 2.0, "values": [2.0]}


def test_the_interval_of_a_share_lies_within_its_range() -> None:
    found = over_seeds(
        [{"rewards/accuracy": 0.9, "rewards/kendall": -0.9, "kl": 0.0}] * 2 + [{"rewards/accuracy": 0.1}]
    )
    assert (found["rewards/accuracy"]["low"], found["rewards/accuracy"]["high"]) == (0.0, 1.0)
    two = over_seeds([{"rewards/kendall": -0.9, "kl": 0.0}, {"rewards/kendall": 0.9, "kl": 1.0}])
    assert (two["rewards/kendall"]["low"], two["rewards/kendall"]["high"]) == (-1.0, 1.0) and two["kl"]["low"] < 0


def test_a_figure_that_a_run_has_not_measured_is_left_out() -> None:
    runs = [figures_of_run({"after": {"kl": 1.0}, "seconds": 2.0}), figures_of_run({"after": {"kl": 3.0, "loss": 9.0}})]
    found = over_seeds(runs)
    assert list(found) == ["kl", "seconds"]
    assert found["kl"]["mean"] == 2.0 and found["seconds"]["values"] == [2.0]
    assert figures_of_run({"before": {"kl": 0.0}, "seconds": 2.0}, "before") == {"kl": 0.0}


def test_the_accuracy_of_labels_is_another_figure_than_that_of_pairs() -> None:
    pairs = figures_of_run({"after": {"rewards/accuracy": 0.9, "rewards/chosen": 1.0}})
    labels = figures_of_run({"after": {"rewards/accuracy": 0.8, "rewards/desirable": 1.0}})
    assert pairs == {"rewards/accuracy": 0.9} and labels == {"labels/accuracy": 0.8}


@given(st.lists(st.lists(numbers, min_size=1, max_size=4), min_size=1, max_size=5), st.none() | numbers)
def test_every_dot_lies_within_the_axis(seeds: list[list[float]], before: float | None) -> None:
    figures = [over_seeds([{"kl": value} for value in values])["kl"] for values in seeds]
    (low, high), cut = dot_limits(figures, before)
    dots = [value for values in seeds for value in values] + ([] if before is None else [before])
    assert low < min(dots) and max(dots) < high
    ends = [end for figure in figures for end in (figure["low"], figure["high"])]
    assert cut == (min(ends) < low or max(ends) > high)
