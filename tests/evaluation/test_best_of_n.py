"""Best of n: the mean at one, the largest at N, and simulation between."""

from __future__ import annotations

import itertools

import pytest

from penchant.errors import DataError
from penchant.evaluation.best_of_n import best_of_n, best_of_n_curve, divergence_bound

REWARDS = [0.3, -1.0, 2.0, 0.5, 0.1]


@pytest.mark.parametrize("n", range(1, 6))
def test_the_estimate_is_the_mean_over_all_subsets(n: int) -> None:
    every = [max(subset) for subset in itertools.combinations(REWARDS, n)]
    assert best_of_n(REWARDS, n) == pytest.approx(sum(every) / len(every))


def test_true_quality_is_that_of_the_pick_by_proxy() -> None:
    quality = [-reward for reward in REWARDS]
    assert best_of_n(REWARDS, 5, quality) == -2.0


def test_the_curve_rises_from_plain_sampling() -> None:
    curve = best_of_n_curve([REWARDS, REWARDS[::-1]], [1, 2, 4])
    assert curve[0][1] == 0 and [gain for *_, gain in curve] == sorted(gain for *_, gain in curve)
    assert divergence_bound(2) == pytest.approx(0.19314718)


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(DataError):
        best_of_n(REWARDS, 6)
