"""Oracle2Fair: from the most relevant lists to the fairest."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.recommendation.frontier import fairer_lists, pareto_frontier, replacements
from penchant.evaluation.recommendation.oracle import oracle_lists
from penchant.evaluation.recommendation.relevance import relevance_metrics


def drawn(seed: int, users: int, items: int, k: int) -> tuple[list[set[int]], list[set[int]]]:
    """Relevant and seen items of users, disjoint; at least k items are unseen."""
    rng = np.random.default_rng(seed)
    relevant, seen = [], []
    for _ in range(users):
        order = (rng.permutation(items) + 1).tolist()
        wanted, known = rng.integers(0, k + 2), rng.integers(0, max(1, items - k - k))
        relevant.append(set(order[:wanted]))
        seen.append(set(order[wanted : wanted + known]))
    return relevant, seen


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(1, 3), st.integers(7, 14))
def test_every_step_keeps_the_lists_valid_and_makes_the_counts_more_even(
    seed: int, users: int, k: int, items: int
) -> None:
    relevant, seen = drawn(seed, users, items, k)
    table = oracle_lists(
        [np.asarray(sorted(each), int) for each in relevant], [np.asarray(sorted(s), int) for s in seen], items, k
    )
    assert [len(set(row)) for row in table.tolist()] == [k] * users
    hits = [min(k, len(each)) for each in relevant]
    assert [len(set(row) & each) for row, each in zip(table.tolist(), relevant, strict=True)] == hits
    squares = (np.bincount(table.ravel(), minlength=items + 1) ** 2).sum()
    for lists in fairer_lists(table, relevant, seen, items):
        for row, wanted, known in zip(lists.tolist(), relevant, seen, strict=True):
            flags = [item in wanted for item in row]
            assert len(set(row)) == k and not set(row) & known and flags == sorted(flags, reverse=True)
        now = (np.bincount(lists.ravel(), minlength=items + 1) ** 2).sum()
        assert now < squares
        squares = now


def test_the_first_point_is_the_most_relevant_and_the_last_the_fairest() -> None:
    relevant = [{1, 2}, {1, 3}, {1, 2}, {2, 4}, {1, 5}]
    found = pareto_frontier(relevant, [set()] * 5, 10, k=2)
    path = found.pair("NDCG", "Gini_our")
    assert path[0][0] == 1.0 and path[-1][1] == 0.0
    assert [fair for _, fair in path] == sorted((fair for _, fair in path), reverse=True)
    assert found.pair("P", "Jain_our")[-1][1] == pytest.approx(1.0)
    assert found.replaced == len(path) - 1 and found.every == 1


def test_the_ends_are_those_of_all_lists_there_are() -> None:
    """Brute force over every pair of items for three users: no lists are more relevant, and none fairer."""
    relevant, items, k = [{1}, {1, 2}, {2}], 4, 2
    found = pareto_frontier(relevant, [set()] * 3, items, k=k)
    every = list(product(combinations(range(1, items + 1), k), repeat=3))
    best = max(relevance_metrics(lists, relevant)["P"] for lists in every)
    evenest = min(max(Counter(item for row in lists for item in row).values()) for lists in every)
    assert found.points[0]["P"] == pytest.approx(best)
    assert evenest == 2 and found.points[-1]["QF_our"] == 1.0 and found.points[-1]["FSat_our"] == 1.0


def test_an_estimate_has_the_points_of_the_frontier_and_both_its_ends() -> None:
    rng = np.random.default_rng(1)
    relevant = [set((rng.zipf(1.6, 4) % 40 + 1).tolist()) for _ in range(30)]
    whole = pareto_frontier(relevant, [set()] * 30, 40, k=4)
    estimate = pareto_frontier(relevant, [set()] * 30, 40, k=4, points=5)
    path, few = whole.pair("NDCG", "Gini_our"), estimate.pair("NDCG", "Gini_our")
    assert set(few) < set(path) and few[0] == path[0] and few[-1] == path[-1]
    assert estimate.every > 1 and 5 <= len(few) <= 9 and estimate.replaced == whole.replaced


def test_a_user_who_finds_the_new_item_relevant_loses_the_frequent_one() -> None:
    table = np.asarray([[1, 3], [1, 4], [1, 2]])  # item 5 belongs to the second user, whose 1 is no hit
    step = next(fairer_lists(table, [{3}, {4, 5}, {1}], [set()] * 3, 5))
    assert step.tolist() == [[1, 3], [4, 5], [1, 2]] or step.tolist() == [[1, 3], [5, 4], [1, 2]]


def test_of_many_relevant_items_the_rarest_are_taken() -> None:
    lists = oracle_lists([np.asarray([1, 2]), np.asarray([1, 2, 3, 4])], [np.asarray([], int)] * 2, 5, 2)
    assert lists.tolist() == [[1, 2], [3, 4]]


def test_even_lists_need_no_replacement() -> None:
    assert replacements(np.asarray([[1, 2], [3, 4]]), 4) == 0
    assert list(fairer_lists(np.asarray([[1, 2], [3, 4]]), [set()] * 2, [set()] * 2, 4)) == []


def test_what_cannot_be_recommended_is_said() -> None:
    with pytest.raises(DataError, match="User 2 took 3 of 4 items before, so fewer than k = 2 are left"):
        pareto_frontier([{1}, {4}], [set(), {1, 2, 3}], 4, k=2)
    with pytest.raises(DataError, match="User 1 took item 1 before the test and in it"):
        pareto_frontier([{1}], [{1}], 4, k=2)
    with pytest.raises(ConfigurationError, match="k is 0"):
        pareto_frontier([{1}], [set()], 4, k=0)
    with pytest.raises(ConfigurationError, match="There is no measure 'Gini'"):
        pareto_frontier([{1}], [set()], 4, k=1).pair("NDCG", "Gini")
