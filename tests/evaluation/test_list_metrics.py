"""Metrics of lists against scipy, against plain sums, and at points where they are known."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from penchant.evaluation.list_metrics import list_metrics

NUMBERS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), min_size=2, max_size=6)


def of_one(values: list[float], quality: list[float]) -> tuple[float, float, float]:
    found = list_metrics(torch.tensor(values), torch.tensor(quality), torch.zeros(len(values), dtype=torch.long))
    return found.ndcg.item(), found.kendall.item(), found.top1.item()


def dcg(order: list[int], gains: list[float]) -> float:
    return sum((2 ** gains[row] - 1) / math.log2(2 + place) for place, row in enumerate(order))


@given(NUMBERS)
def test_kendall_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    values, quality = [float(value) for value, _ in pairs], [float(each) for _, each in pairs]
    assume(len(set(quality)) > 1 and len(set(values)) > 1)
    assert of_one(values, quality)[1] == pytest.approx(kendalltau(values, quality).statistic, abs=1e-5)


@given(NUMBERS)
def test_ndcg_and_top_1_are_means_over_all_orders_that_break_the_ties(pairs: list[tuple[int, int]]) -> None:
    values, quality = [float(value) for value, _ in pairs], [float(each) for _, each in pairs]
    assume(len(set(quality)) > 1)
    low, high = min(quality), max(quality)
    gains = [(each - low) / (high - low) for each in quality]
    orders = [list(each) for each in itertools.permutations(range(len(values)))]
    sorted_by_value = [each for each in orders if all(values[a] >= values[b] for a, b in itertools.pairwise(each))]
    best = max(dcg(each, gains) for each in orders)
    ndcg, _, top1 = of_one(values, quality)
    expected = sum(dcg(each, gains) for each in sorted_by_value) / len(sorted_by_value) / best
    assert ndcg == pytest.approx(expected, abs=1e-5)
    right = sum(quality[each[0]] == high for each in sorted_by_value) / len(sorted_by_value)
    assert top1 == pytest.approx(right, abs=1e-5)


def test_the_right_and_the_reversed_order() -> None:
    assert of_one([0.3, 0.2, 0.1], [5, 3, 1]) == pytest.approx((1, 1, 1))
    ndcg, kendall, top1 = of_one([0.1, 0.2, 0.3], [5, 3, 1])
    assert (kendall, top1) == (-1, 0) and 0 < ndcg < 1


def test_a_model_without_a_preference_has_no_correlation_and_the_top_by_chance() -> None:
    _, kendall, top1 = of_one([0.0, 5e-5, 0.0, 0.0], [1, 0, 0, 1])
    assert kendall == 0 and top1 == pytest.approx(0.5)


def test_lists_of_equals_do_not_count_and_lists_do_not_mix() -> None:
    group = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    values, quality = torch.tensor([1.0, 0, 0, 1, 2, 3, 1]), torch.tensor([1.0, 0, 0, 1, 2, 7, 7])
    found = list_metrics(values, quality, group)
    assert found.ordered.tolist() == [True, True, False] and found.size.tolist() == [2, 3, 2]
    assert found.ndcg[:2].tolist() == pytest.approx([1, 1]) and found.kendall[:2].tolist() == pytest.approx([1, 1])


@given(NUMBERS, st.floats(0.5, 20), st.floats(-50, 50))
def test_the_scale_of_scores_does_not_matter(pairs: list[tuple[int, int]], scale: float, shift: float) -> None:
    values, quality = [float(value) for value, _ in pairs], [float(each) for _, each in pairs]
    assert of_one(values, quality) == pytest.approx(
        of_one(values, [scale * each + shift for each in quality]), abs=1e-4
    )
