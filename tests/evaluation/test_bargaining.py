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


def test_with_swaps_an_addition_takes_the_place_of_another() -> None:
    bases = [[0.0, 0.0]]
    poor = [[3.0, 1.0], [4.0, 2.0]]  # the first one gains more for its cost; both do not fit
    assert negotiate(bases, poor, [1.0, 2.0], 2.0).features == (0,)
    found = negotiate(bases, poor, [1.0, 2.0], 2.0, swaps=True)
    assert (found.features, found.utilities, found.transcript[-1]) == ((1,), (4.0, 2.0), (0, 1, 0))


def test_swaps_end_keep_the_budget_and_the_start_and_never_lower_the_worst_group() -> None:
    rng = random.Random(3)
    for _time in range(100):
        bases = [[rng.choice([0.1, 0.2, 0.3]) for _group in range(3)]]
        features = [[rng.choice([-0.1, 0.1, 0.2, 0.3]) for _group in range(3)] for _each in range(6)]
        costs = [rng.choice([0.5, 1.0, 1.5]) for _each in range(6)]
        found = negotiate(bases, features, costs, 2.5, swaps=True)
        assert sum(costs[each] for each in found.features) <= 2.5 and len(set(found.features)) == len(found.features)
        assert all(own >= before - 1e-9 for own, before in zip(found.utilities, bases[0], strict=True))
        assert sum(removed is None for _group, _added, removed in found.transcript) == len(found.features)


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
