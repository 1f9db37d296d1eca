"""TDPO in both forms: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives import Losses, Scored, build

RATIOS = st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=5)
DIVERGENCES = st.floats(0.0, 2.0)


def view(ratios: list[float], divergence: float) -> Scored:
    """One response with the given log-ratios and the same divergence at each position."""
    reference = torch.full((1, len(ratios)), -20.0, dtype=torch.float64)
    policy = (reference + torch.tensor([ratios], dtype=torch.float64)).requires_grad_()
    stats = {"reference_kl": torch.full_like(reference, divergence).requires_grad_()}
    return Scored(policy, reference, torch.ones(1, len(ratios), dtype=torch.bool), stats)


def loss(name: str, chosen: Scored, rejected: Scored, **hyper: float) -> Losses:
    found: Losses = build(name, **hyper)(chosen=chosen, rejected=rejected)
    return found


@given(RATIOS, RATIOS)
def test_without_divergence_both_are_dpo(chosen: list[float], rejected: list[float]) -> None:
    views = view(chosen, 0.0), view(rejected, 0.0)
    expected = loss("dpo", *views, beta=0.3).values.tolist()
    for name in ("tdpo1", "tdpo2"):
        assert loss(name, *views, beta=0.3).values.tolist() == pytest.approx(expected, rel=1e-12)


@given(RATIOS, RATIOS, DIVERGENCES, DIVERGENCES)
def test_without_weight_the_second_form_is_dpo(
    chosen: list[float], rejected: list[float], near: float, far: float
) -> None:
    views = view(chosen, near), view(rejected, far)
    expected = loss("dpo", *views, beta=0.3).values.tolist()
    assert loss("tdpo2", *views, beta=0.3, alpha=0.0).values.tolist() == pytest.approx(expected, rel=1e-12)


@given(RATIOS, RATIOS, DIVERGENCES, DIVERGENCES)
def test_the_forms_have_one_value_and_push_the_chosen_response_differently(
    chosen: list[float], rejected: list[float], near: float, far: float
) -> None:
    views = view(chosen, near), view(rejected, far)
    first, second = loss("tdpo1", *views, beta=0.3), loss("tdpo2", *views, beta=0.3, alpha=1.0)
    assert first.values.tolist() == pytest.approx(second.values.tolist(), rel=1e-12)
    divergences = [each.stats["reference_kl"] for each in views]
    one = torch.autograd.grad(first.values.sum(), divergences)
    other = torch.autograd.grad(second.values.sum(), divergences, allow_unused=True)
    assert (one[0] < 0).all() and other[0] is None
    assert (one[1] > 0).all() and torch.allclose(one[1], other[1])
    push = 0.3 * -math.expm1(-float(first.values.detach()))  # β σ(−z)
    assert one[1].flatten().tolist() == pytest.approx([push] * len(rejected), rel=1e-9)


def test_where_nothing_moved_each_form_costs_log_two_and_its_reward_holds_the_divergence() -> None:
    level = view([0.0, 0.0], 0.0)
    assert loss("tdpo1", level, level).values.tolist() == pytest.approx([math.log(2)])
    moved = view([1.0, 0.5], 0.25)
    assert build("tdpo2", beta=0.5).rewards(moved).tolist() == pytest.approx([0.5 * (1.5 + 0.5)])  # type: ignore[union-attr]
