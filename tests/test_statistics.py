"""Confidence intervals: published numbers, and coverage in simulation."""

from __future__ import annotations

import random

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from penchant.statistics import (
    Interval,
    area_interval,
    mean_interval,
    paired_difference,
    share_interval,
    student_interval,
    win_rate,
)

numbers = st.floats(-1e3, 1e3)


@pytest.mark.parametrize(
    ("wins", "losses", "low", "high"),
    [
        (81, 182, 0.2553, 0.3662),  # Newcombe 1998, table I, 81 of 263 and the rows below it, score method
        (15, 133, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 28, 0.0061, 0.1718),
    ],
)
def test_wilson_against_published_numbers(wins: int, losses: int, low: float, high: float) -> None:
    interval = win_rate([0.0] * (wins + losses), [1.0] * wins + [-1.0] * losses)
    assert interval.value == pytest.approx(wins / (wins + losses))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def test_ties_count_half_and_sides_are_symmetric() -> None:
    assert win_rate([1.0, 2.0], [1.0, 2.0]).value == 0.5
    before, after = [0.0, 1.0, 2.0, 5.0], [1.0, 1.0, 3.0, 4.0]
    one, other = win_rate(before, after), win_rate(after, before)
    assert one.value == 0.625
    assert (other.value, other.low, other.high) == pytest.approx((1 - one.value, 1 - one.high, 1 - one.low))


def test_all_wins_stay_within_bounds() -> None:
    interval = win_rate([0.0] * 30, [1.0] * 30)
    assert interval.value == interval.high == 1.0 and 0.85 < interval.low < 1.0


def test_mean_interval_by_hand() -> None:
    interval = mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 1.959964 * (2.5**0.5) / 5**0.5
    assert (interval.value, interval.low, interval.high) == pytest.approx((3.0, 3 - half, 3 + half), rel=1e-6)


def test_bootstrap_coverage_is_about_nominal() -> None:
    rng, hits, trials, true_difference = random.Random(7), 0, 120, 0.3
    for trial in range(trials):
        shared = [rng.gauss(0, 3) for _ in range(40)]
        before = [value + rng.gauss(0, 0.5) for value in shared]
        after = [value + true_difference + rng.gauss(0, 0.5) for value in shared]
        interval = paired_difference(before, after, resamples=200, seed=trial)
        hits += interval.low <= true_difference <= interval.high
        assert interval.high - interval.low < 0.8  # what the pair shares has cancelled
    assert 0.86 <= hits / trials <= 0.99


def test_bootstrap_is_deterministic_and_turns_with_its_sign() -> None:
    rng = random.Random(1)
    before, after = [rng.random() for _ in range(30)], [rng.random() for _ in range(30)]
    first = paired_difference(before, after, seed=3)
    assert first == paired_difference(before, after, seed=3)
    turned = paired_difference(after, before, seed=3)
    assert (turned.low, turned.high) == pytest.approx((-first.high, -first.low), abs=1e-12)


def test_what_cannot_be_estimated_is_refused() -> None:
    with pytest.raises(ValueError, match="two values"):
        mean_interval([1.0])
    with pytest.raises(ValueError, match="confidence"):
        mean_interval([1.0, 2.0], confidence=95.0)
    with pytest.raises(ValueError, match="got 2 and 1"):
        paired_difference([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="one or more pairs"):
        win_rate([], [])
    with pytest.raises(ValueError, match="one or more cases"):
        share_interval(0.5, 0)
    with pytest.raises(ValueError, match="got 1 and 0"):
        area_interval([1.0], [])


def test_an_interval_prints_itself() -> None:
    assert str(Interval(0.5, 0.4, 0.6)) == "0.500 [0.400, 0.600]"


@pytest.mark.parametrize(
    ("count", "quantile"),
    [(2, 12.7062), (3, 4.3027), (6, 2.5706), (21, 2.0860), (22, 2.0796), (31, 2.0423), (121, 1.9799)],
)
def test_students_interval_has_the_quantile_of_the_tables(count: int, quantile: float) -> None:
    values = [1.0, -1.0] * (count // 2) + [0.0] * (count % 2)
    deviation = (sum(value**2 for value in values) / (count - 1)) ** 0.5
    interval = student_interval(values)
    assert interval.value == pytest.approx(0) and interval.high == pytest.approx(-interval.low)
    assert interval.high / (deviation / count**0.5) == pytest.approx(quantile, abs=5e-5)


@given(st.lists(numbers, min_size=2, max_size=40), numbers)
def test_students_interval_moves_with_the_values_and_contains_the_normal_one(values: list[float], shift: float) -> None:
    interval, normal = student_interval(values), mean_interval(values)
    assert interval.low <= normal.low + 1e-9 and normal.high - 1e-9 <= interval.high
    moved = student_interval([value + shift for value in values])
    expected = (interval.value + shift, interval.low + shift, interval.high + shift)
    assert (moved.value, moved.low, moved.high) == pytest.approx(expected, abs=1e-6)


@given(st.integers(1, 60), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_whole_counts_have_the_interval_of_scipy(total: int, data: st.DataObject, confidence: float) -> None:
    count = data.draw(st.integers(0, total))
    interval = share_interval(count / total, total, confidence=confidence)
    expected = scipy.stats.binomtest(count, total).proportion_ci(confidence, method="wilson")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.lists(numbers, min_size=1, max_size=20), st.lists(numbers, min_size=1, max_size=20))
def test_the_area_is_mann_whitneys_and_turns_with_its_samples(first: list[float], second: list[float]) -> None:
    interval, turned = area_interval(first, second), area_interval(second, first)
    statistic = scipy.stats.mannwhitneyu(first, second).statistic
    assert interval.value == pytest.approx(statistic / (len(first) * len(second)), abs=1e-12)
    assert turned.value == pytest.approx(1 - interval.value, abs=1e-12)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_the_area_has_the_standard_error_of_hanley_and_mcneil() -> None:
    # Their formula with area 0.75, 3 and 2 values: Q1 = 0.6, Q2 = 9/14.
    interval = area_interval([1, 3, 4], [1, 2])
    assert interval.value == 0.75
    variance = (0.1875 + 2 * (0.6 - 0.5625) + 1 * (9 / 14 - 0.5625)) / 6
    assert area_interval([1, 3, 4], [1, 2], confidence=0.1).low == pytest.approx(
        0.75 - 0.125661 * variance**0.5, abs=1e-6
    )
