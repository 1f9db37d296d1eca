"""Fronts, worst groups and the Gini coefficient."""

from __future__ import annotations

import pytest

from penchant.errors import DataError
from penchant.evaluation.fronts import gini, pareto_front, reward_frontier, worst_group


def test_equal_points_stay_and_beaten_ones_go() -> None:
    assert pareto_front([[1.0, 1.0], [1.0, 1.0], [1.0, 0.5], [0.0, 2.0]]) == [0, 1, 3]


def test_the_frontier_goes_by_rising_divergence() -> None:
    assert reward_frontier([5.0, 0.0, 2.0, 3.0], [9.0, 0.0, 4.0, 4.0]) == [1, 2, 0]


@pytest.mark.parametrize("size", [2, 5])
def test_one_who_has_all_gives_the_largest_gini(size: int) -> None:
    assert gini([0.0] * (size - 1) + [3.0]) == pytest.approx(1 - 1 / size)
    with pytest.raises(DataError):
        gini([-1.0, 2.0])


def test_the_worst_group_is_that_of_the_least_mean() -> None:
    assert worst_group({"a": [0.0, 4.0], "b": [1.0]}) == ("b", 1.0)
