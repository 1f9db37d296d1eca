"""Intervals: known numbers, and coverage in simulation."""

from __future__ import annotations

import random

import pytest

from penchant.lab.statistics import Interval, mean_interval, paired_difference, small_sample_interval, win_rate


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


def test_bootstrap_covers_about_as_often_as_it_says() -> None:
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


def test_an_interval_prints_itself() -> None:
    assert str(Interval(0.5, 0.4, 0.6)) == "0.500 [0.400, 0.600]"


def test_students_interval_against_tables() -> None:
    # t(4, 0.975) = 2.776; s / √n of 1..5 is √2.5 / √5
    interval = small_sample_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (interval.low, interval.high) == pytest.approx((3 - 2.776 * 0.5**0.5, 3 + 2.776 * 0.5**0.5), abs=1e-3)
