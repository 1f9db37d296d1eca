"""Repeated sources: every pass is complete, ratios are kept, and the order depends only on the seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError
from penchant.forest import Mixture, plan_batches
from penchant.forest.recycling import recycled


@given(st.integers(1, 9), st.integers(0, 40), st.integers(0, 40), st.integers(0, 3))
def test_a_stretch_is_the_same_however_it_is_cut(count: int, first: int, second: int, seed: int) -> None:
    whole = recycled(count, 0, first + second, seed=seed, stream=0)
    assert recycled(count, 0, first, seed=seed, stream=0) == whole[:first]
    assert recycled(count, first, second, seed=seed, stream=0) == whole[first:]


@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 3))
def test_every_pass_is_a_permutation(count: int, passes: int, seed: int) -> None:
    drawn = recycled(count, 0, passes * count, seed=seed, stream=1)
    for number in range(passes):
        assert sorted(drawn[number * count : (number + 1) * count]) == list(range(count))


def test_passes_sources_and_seeds_have_orders_of_their_own() -> None:
    orders = [recycled(20, 0, 20, seed=0, stream=0), recycled(20, 20, 20, seed=0, stream=0)]
    orders += [recycled(20, 0, 20, seed=1, stream=0), recycled(20, 0, 20, seed=0, stream=1)]
    assert len({tuple(order) for order in orders}) == 4


def test_an_epoch_is_the_first_source_once_and_the_others_go_on_where_they_stopped() -> None:
    plan = plan_batches([3] * 6, batch_size=4, epochs=2, beside=[[5] * 4, [7] * 9])
    assert [sorted(index for step in plan.steps[at : at + 2] for index in step) for at in (0, 2)] == [
        list(range(6))
    ] * 2
    slots = [slot for step in range(len(plan)) for slot in plan.slots(step)]
    for number, count in ((0, 4), (1, 9)):
        drawn = [slot.beside[number] for slot in slots]
        assert drawn == recycled(count, 0, 12, seed=0, stream=number)
    again = plan_batches([3] * 6, batch_size=4, epochs=2, beside=[[5] * 4, [7] * 9])
    assert again == plan and again != plan_batches([3] * 6, batch_size=4, epochs=2, seed=1, beside=[[5] * 4, [7] * 9])


def test_a_budget_counts_the_examples_of_every_source() -> None:
    plan = plan_batches([10] * 6, tokens_per_batch=30, beside=[[5] * 6], shuffle=False)
    assert [len(step) for step in plan.steps] == [2, 2, 2]
    assert plan.slots(1)[0].beside == (2,)


@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.1, 10.0), st.booleans())
def test_a_mixture_keeps_its_ratio_in_every_epoch(first: int, second: int, weight: float, group: bool) -> None:
    mixture = Mixture((first, second), (1.0, weight))
    sizes = [2] * first + [3] * second
    plan = plan_batches(sizes, batch_size=3, epochs=2, mixture=mixture, group_by_length=group)
    each = mixture.per_epoch
    assert each == (first, max(1, round(first * weight)))
    found = [index for step in plan.steps for index in step]
    for epoch in range(2):
        members = Counter(found[epoch * sum(each) : (epoch + 1) * sum(each)])
        assert all(members[index] == 1 for index in range(first))
        drawn = [members[index] for index in range(first, first + second)]
        assert sum(drawn) == each[1] and max(drawn) - min(drawn) <= 2
    assert plan.epochs[-1] == pytest.approx(2.0)


def test_over_the_run_a_small_file_is_drawn_evenly() -> None:
    mixture = Mixture((10, 3), (1.0, 0.7))
    plan = plan_batches([2] * 13, epochs=3, mixture=mixture)
    drawn = Counter(index for step in plan.steps for index in step if index >= 10)
    assert sorted(drawn) == [10, 11, 12] and max(drawn.values()) - min(drawn.values()) <= 1


@pytest.mark.parametrize(("counts", "weights"), [((3, 0), (1.0, 1.0)), ((3, 3), (1.0, 0.0)), ((3,), (1.0, 1.0))])
def test_a_mixture_without_weight_or_examples_is_refused(counts: tuple[int, ...], weights: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError, match="expected a weight above 0 for every file"):
        Mixture(counts, weights)
