"""Bargaining: nobody falls below the start, the budget holds, and one group is a greedy knapsack."""

from __future__ import annotations

import random

import pytest

from penchant.errors import ConfigurationError
from penchant.evaluation.bargaining import best_by_rule, negotiate


def test_no_group_falls_below_its_start_and_the_budget_holds() -> None:
    rng = random.Random(2)
    for _time in range(100):
        bases = [[rng.uniform(1, 4) for _group in range(3)] for _base in range(2)]
        features = [[rng.uniform(-0.5, 2) for _group in range(3)] for _each in range(6)]
        costs = [rng.uniform(0.5, 2) for _each in range(6)]
        budget = rng.uniform(0, 5)
        found = negotiate(bases, features, costs, budget)
        start = bases[found.base]
        assert sum(start) == max(map(sum, bases)) and sum(costs[each] for each in found.features) <= budget
        assert min(found.utilities) >= min(start)
        assert all(own >= before - 1e-9 for own, before in zip(found.utilities, start, strict=True))
        sums = [u + sum(features[each][g] for each in found.features) for g, u in enumerate(start)]
        assert list(found.utilities) == pytest.approx(sums)


def test_without_budget_the_base_with_the_largest_total_remains() -> None:
    found = negotiate([[1.0, 1.0], [0.5, 3.0]], [[9.0, 9.0]], [1.0], 0.0)
    assert (found.base, found.features, found.utilities) == (1, (), (0.5, 3.0))


def test_one_group_takes_its_largest_gains_per_cost() -> None:
    assert negotiate([[0.0]], [[2.0], [3.0], [1.0], [-1.0]], [1.0, 3.0, 1.0, 0.1], 4.0).features == (0, 1)


def test_each_rule_finds_the_best_package_for_it() -> None:
    bases, features, costs = [[1.0, 4.0]], [[0.0, 5.0], [2.0, 0.0]], [1.0, 1.0]
    assert best_by_rule("utilitarian", bases, features, costs, 1.0).features == (0,)
    assert best_by_rule("max-min", bases, features, costs, 1.0).features == (1,)
    assert best_by_rule("nash", bases, features, costs, 1.0).features == (1,)


def test_a_veto_needs_more_than_the_tolerance() -> None:
    bases, features = [[1.0, 3.0]], [[2.0, -0.5]]
    assert negotiate(bases, features, [1.0], 1.0).features == ()
    assert negotiate(bases, features, [1.0], 1.0, tolerance=0.5).features == (0,)


@pytest.mark.parametrize("costs", [[0.0], [], [1.0, 1.0]])
def test_costs_that_do_not_fit_are_refused(costs: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="a cost above 0"):
        negotiate([[1.0]], [[1.0]], costs, 1.0)
