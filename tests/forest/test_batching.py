"""A plan contains every example, and is the same for any number of processes."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import ConfigurationError
from penchant.forest import plan_batches

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 9), st.integers(1, 3), st.booleans(), st.booleans(), st.none() | st.integers(1, 90))
def test_every_example_occurs_once_per_epoch(
    sizes: list[int], batch_size: int, epochs: int, group: bool, shuffle: bool, budget: int | None
) -> None:
    plan = plan_batches(
        sizes,
        batch_size=batch_size,
        epochs=epochs,
        group_by_length=group,
        shuffle=shuffle,
        tokens_per_batch=budget,
        seed=7,
    )
    seen: list[int] = []
    for step, epoch in zip(plan.steps, plan.epochs, strict=True):
        seen.extend(step)
        assert epoch == pytest.approx(len(seen) / len(sizes))
        if budget is None:
            assert 1 <= len(step) <= batch_size
        else:
            # A single example may be larger than the budget: then it stands alone.
            assert len(step) == 1 or sum(sizes[index] for index in step) <= budget
    for epoch in range(epochs):
        assert sorted(seen[epoch * len(sizes) : (epoch + 1) * len(sizes)]) == list(range(len(sizes)))
    assert len(seen) == epochs * len(sizes)
    assert len(plan) == len(plan.steps)


def test_a_budget_is_used() -> None:
    plan = plan_batches([10] * 20, tokens_per_batch=35, shuffle=False)
    assert [len(step) for step in plan.steps] == [3, 3, 3, 3, 3, 3, 2]


@pytest.mark.parametrize("group", [False, True])
def test_the_seed_decides_the_order_and_each_epoch_has_its_own(group: bool) -> None:
    sizes = [3 + index % 11 for index in range(50)]

    def plan(seed: int) -> tuple[tuple[int, ...], ...]:
        return plan_batches(sizes, batch_size=5, epochs=2, seed=seed, group_by_length=group).steps

    assert plan(1) == plan(1)
    assert plan(1) != plan(2)
    assert plan(1)[:10] != plan(1)[10:]


def test_without_shuffling_the_order_is_that_of_the_data() -> None:
    plan = plan_batches([5, 1, 9], batch_size=2, epochs=2, shuffle=False)
    assert plan.steps == ((0, 1), (2,), (0, 1), (2,))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.integers(1, 9), st.floats(0.01, 3.5))
def test_a_fraction_of_an_epoch_ends_with_the_batch_that_completes_it(count: int, size: int, epochs: float) -> None:
    plan = plan_batches([4] * count, batch_size=size, epochs=epochs, seed=3)
    wanted = max(1, round(epochs * count))
    done = sum(map(len, plan.steps))
    assert wanted <= done < wanted + size
    assert done - len(plan.steps[-1]) < wanted
    # A shorter run is the beginning of a longer one.
    assert plan.steps == plan_batches([4] * count, batch_size=size, epochs=4, seed=3).steps[: len(plan)]


@pytest.mark.parametrize("steps", [1, 3, 4, 11])
def test_max_steps_repeats_the_data_as_often_as_needed(steps: int) -> None:
    plan = plan_batches([4] * 10, batch_size=3, epochs=0.1, max_steps=steps)
    assert len(plan) == steps
    counts = Counter(index for step in plan.steps for index in step)
    assert max(counts.values()) - min(counts[index] for index in range(10)) <= 1


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 9), st.integers(1, 12))
def test_dealing_keeps_every_member_whatever_the_parts(sizes: list[int], batch_size: int, parts: int) -> None:
    plan = plan_batches(sizes, batch_size=batch_size, seed=1)
    for step, members in enumerate(plan.steps):
        dealt = plan.deal(step, sizes, parts)
        assert len(dealt) == parts
        assert sorted(index for part in dealt for index in part) == sorted(members)
        for part in dealt:
            assert part == [index for index in members if index in part]  # in the order of the step
        loads = [sum(sizes[index] for index in part) for part in dealt]
        assert max(loads) - min(loads) <= max(sizes[index] for index in members)
    assert plan.deal(0, sizes, 1) == [list(plan.steps[0])]


def test_dealing_fills_as_many_parts_as_there_are_examples() -> None:
    plan = plan_batches([7] * 6, batch_size=6)
    assert sorted(len(part) for part in plan.deal(0, [7] * 6, 4)) == [1, 1, 2, 2]
    assert sum(not part for part in plan.deal(0, [7] * 6, 8)) == 2


def test_like_lengths_are_put_together_but_not_in_order() -> None:
    sizes = [(37 * index) % 101 for index in range(200)]

    def spread(group: bool) -> float:
        steps = plan_batches(sizes, batch_size=8, group_by_length=group, seed=2).steps
        return sum(max(sizes[i] for i in step) - min(sizes[i] for i in step) for step in steps) / len(steps)

    assert spread(True) < 0.15 * spread(False)
    means = [sum(sizes[i] for i in step) for step in plan_batches(sizes, batch_size=8, group_by_length=True).steps]
    assert means != sorted(means)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"tokens_per_batch": 0}, "tokens_per_batch is 0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"epochs": 0.0}, "epochs is 0.0"),
        ({"epochs": math.inf}, "epochs is inf"),
        ({"epochs": math.nan}, "epochs is nan"),
    ],
)
def test_a_number_that_leaves_nothing_to_do_is_refused(options: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        plan_batches([1, 2, 3], **options)  # type: ignore[arg-type]


def test_no_data_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no example"):
        plan_batches([])


@pytest.mark.parametrize(
    "given",
    [
        {"epochs": 1e8},
        {"epochs": 1e300},
        {"epochs": 1e6},
        {"max_steps": 10**13},
        {"max_steps": 10**300},
        {"max_steps": 10**6},
        {"epochs": 1e7, "tokens_per_batch": 8},
    ],
)
def test_a_plan_that_no_run_would_finish_is_refused_at_once(given: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=r"(epochs|max_steps): .* are planned"):
        plan_batches([5] * 12, **given)  # type: ignore[arg-type]
