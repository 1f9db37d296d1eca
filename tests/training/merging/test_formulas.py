"""Laws of the merging rules, and the streamed forms against formulas on whole tensors."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.training.merging import values
from penchant.training.merging.averages import Linear, ModelStock, Slerp
from penchant.training.merging.rules import MERGES, MergeRule, Tensors
from penchant.training.merging.selection import select_largest
from penchant.training.merging.task_vectors import Dare, MagnitudePrune, TaskArithmetic, Ties
from penchant.training.merging.values import Dropped, Whole


def tensors(count: int, size: int = 40, seed: int = 0) -> list[Tensor]:
    draws = torch.Generator().manual_seed(seed)
    return [torch.randn(size, generator=draws) for _ in range(count)]


def merged(rule: MergeRule, models: list[Tensor], base: Tensor | None = None, **facts: Any) -> Tensor:
    start = None if base is None else Whole(base)
    return torch.cat(list(rule.merged(Tensors([Whole(each) for each in models], start, **facts))))


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tensor of a test has several parts."""
    monkeypatch.setattr(values, "PART", 16)


RULES = {
    "linear": {},
    "slerp": {},
    "task-arithmetic": {},
    "magnitude-prune": {},
    "ties": {"density": 0.3},
    "dare": {"density": 1.0},
    "model-stock": {},
}


def test_every_rule_is_tried_here() -> None:
    assert set(MERGES) == set(RULES)


@pytest.mark.parametrize("name", sorted(RULES))
def test_parts_do_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule, (base, *models) = MERGES.get(name)(**RULES[name]), tensors(3)
    whole = merged(rule, models, base)
    monkeypatch.setattr(values, "PART", 16)
    torch.testing.assert_close(merged(rule, models, base), whole)


@pytest.mark.parametrize("name", sorted(set(RULES) - {"task-arithmetic", "magnitude-prune", "dare"}))
def test_equal_models_merge_to_themselves(name: str) -> None:
    base, model = tensors(2)
    settings = {**RULES[name], **({"density": 1.0} if name == "ties" else {})}
    torch.testing.assert_close(merged(MERGES.get(name)(**settings), [model, model.clone()], base), model)


def test_the_ends_of_slerp_are_the_models_bit_for_bit() -> None:
    a, b = tensors(2)
    assert torch.equal(merged(Slerp(t=0.0), [a, b]), a)
    assert torch.equal(merged(Slerp(t=1.0), [a, b]), b)
    assert torch.equal(merged(Slerp(t=0.0), [a, torch.full_like(a, math.nan)]), a)


@given(st.floats(0.01, 0.99), st.integers(0, 50))
def test_slerp_keeps_the_norm_of_models_of_equal_norm(t: float, seed: int) -> None:
    a, b = (each.double() / each.double().norm() for each in tensors(2, seed=seed))
    assert merged(Slerp(t=t), [a, b]).norm().item() == pytest.approx(1.0)


def test_slerp_of_orthogonal_tensors_follows_the_circle() -> None:
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    angle = 0.3 * math.pi / 2
    expected = torch.tensor([2 * math.cos(angle), 2 * math.sin(angle)])
    torch.testing.assert_close(merged(Slerp(t=0.3), [a, b]), expected)


def test_parallel_and_opposite_tensors_are_interpolated_linearly() -> None:
    a = torch.tensor([1.0, 2.0])
    torch.testing.assert_close(merged(Slerp(t=0.25), [a, 3 * a]), 1.5 * a)
    torch.testing.assert_close(merged(Slerp(t=0.25), [a, -a]), 0.5 * a)


def test_a_schedule_sets_t_by_layer() -> None:
    a, b = tensors(2)
    rule = Slerp(t=0.5, schedule=[0.0, 1.0])
    assert torch.equal(merged(rule, [a, b], depth=0.0), a)
    assert torch.equal(merged(rule, [a, b], depth=1.0), b)
    torch.testing.assert_close(merged(rule, [a, b], depth=0.25), merged(Slerp(t=0.25), [a, b]))
    torch.testing.assert_close(merged(rule, [a, b]), merged(Slerp(t=0.5), [a, b]))


def test_a_weight_of_zero_leaves_a_model_out() -> None:
    a, b = tensors(2)
    broken = torch.full_like(a, math.nan)
    torch.testing.assert_close(merged(Linear(weights=[1.0, 3.0, 0.0]), [a, b, broken]), 0.25 * a + 0.75 * b)
    with pytest.raises(ConfigurationError, match="add up to 0"):
        Linear(weights=[1.0, -1.0]).check(2, False)


def test_task_arithmetic_by_hand() -> None:
    base, a, b = torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([0.0])
    assert merged(TaskArithmetic(weights=[1.0, 2.0], scale=0.5), [a, b], base).tolist() == [1.0]


def test_ties_of_one_model_that_keeps_all_is_task_arithmetic() -> None:
    base, model = tensors(2)
    torch.testing.assert_close(merged(Ties(density=1.0), [model], base), merged(TaskArithmetic(), [model], base))


def test_pruning_keeps_the_largest_entries() -> None:
    base, model = tensors(2)
    moved = merged(MagnitudePrune(density=0.25), [model], base) - base
    kept = moved.abs() > 1e-6
    assert int(kept.sum()) == 10
    change = (model - base).abs()
    assert change[kept].min() > change[~kept].max()


@given(st.lists(st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.5]), min_size=1, max_size=30), st.data())
def test_selection_equals_sorting(numbers: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(numbers)))
    for dtype in (torch.float32, torch.float64):
        parts = list(torch.tensor(numbers, dtype=dtype).split(7))
        found = torch.cat(list(select_largest(lambda parts=parts: parts, count).applied(parts)))
        # Later places first among equal magnitudes.
        order = sorted(range(len(numbers)), key=lambda place: (-abs(numbers[place]), -place))[:count]
        assert found.tolist() == [number if place in order else 0.0 for place, number in enumerate(numbers)]


def test_dare_keeps_the_expected_change() -> None:
    ones = Whole(torch.ones(20000))
    found = Dropped(ones, 0.25, 0, "w").whole()
    assert set(found.tolist()) == {0.0, 4.0}
    assert found.mean().item() == pytest.approx(1.0, abs=0.05)
    assert torch.equal(found, Dropped(ones, 0.25, 0, "w").whole())
    assert not torch.equal(found, Dropped(ones, 0.25, 0, "v").whole())
    assert not torch.equal(found, Dropped(ones, 0.25, 1, "w").whole())


def test_dare_without_dropping_is_what_follows_it() -> None:
    base, *models = tensors(3)
    for then, other in (("linear", TaskArithmetic()), ("ties", Ties(density=1.0))):
        torch.testing.assert_close(merged(Dare(density=1.0, then=then), models, base), merged(other, models, base))


def test_model_stock_goes_as_far_as_the_models_agree() -> None:
    base = torch.zeros(4)
    same, across = torch.tensor([1.0, 0, 0, 0]), torch.tensor([0.0, 1, 0, 0])
    torch.testing.assert_close(merged(ModelStock(), [same, same.clone()], base), same)
    assert merged(ModelStock(), [same, across], base).tolist() == [0.0] * 4
    between = torch.tensor([1.0, 1.0, 0, 0]) / 2**0.5  # 45 degrees: t = 2 c / (1 + c)
    cosine = 2**-0.5
    share = 2 * cosine / (1 + cosine)
    torch.testing.assert_close(merged(ModelStock(), [same, between], base), share * (same + between) / 2)


@pytest.mark.parametrize(("name", "models", "base", "message"), [
    ("slerp", 3, False, "merges at least 2|merges 2"),
    ("ties", 2, False, "needs the model from which"),
    ("linear", 0, False, "at least 1"),
])  # fmt: skip
def test_wrong_numbers_of_models_are_refused(name: str, models: int, base: bool, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        MERGES.get(name)().check(models, base)


@pytest.mark.parametrize("settings", [{"density": 0.0}, {"density": 1.5}, {"density": -0.1}, {"density": float("nan")}])
def test_a_density_outside_of_its_range_is_refused(settings: dict[str, float]) -> None:
    for rule in (Ties, Dare, MagnitudePrune):
        with pytest.raises(ConfigurationError, match="density"):
            rule(**settings)


def test_weights_that_do_not_match_the_models_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="3 weights are given for 2 models"):
        Linear(weights=[1.0, 1.0, 1.0]).check(2, False)
