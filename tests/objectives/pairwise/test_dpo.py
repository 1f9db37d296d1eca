"""DPO: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives import Objective, Scored, build

LOGPS = st.lists(st.floats(-20.0, 0.0), min_size=1, max_size=6)
BETAS = st.floats(0.01, 2.0)


def view(policy: list[float], reference: list[float] | float = -1.0) -> Scored:
    tokens = torch.tensor([policy], dtype=torch.float64, requires_grad=True)
    against = reference if isinstance(reference, list) else [reference] * len(policy)
    return Scored(tokens, torch.tensor([against], dtype=torch.float64), torch.ones_like(tokens) > 0)


def loss(objective: Objective, chosen: Scored, rejected: Scored) -> float:
    return objective(chosen=chosen, rejected=rejected).values.item()


@given(LOGPS, BETAS)
def test_at_zero_margin_the_loss_is_log_two(policy: list[float], beta: float) -> None:
    assert loss(build("dpo", beta=beta), view(policy), view(policy)) == pytest.approx(math.log(2.0), rel=1e-12)


@given(LOGPS, LOGPS, BETAS)
def test_the_gradient_is_the_same_for_every_token_and_opposite_for_the_two(
    chosen: list[float], rejected: list[float], beta: float
) -> None:
    first, second = view(chosen), view(rejected)
    values = build("dpo", beta=beta)(chosen=first, rejected=second).values
    up, down = torch.autograd.grad(values.sum(), [first.policy, second.policy])
    margin = (first.logratio - second.logratio).item()
    expected = -beta / (1 + math.exp(min(700.0, beta * margin)))
    assert up[0].tolist() == pytest.approx([expected] * len(chosen), rel=1e-9)
    assert down[0].tolist() == pytest.approx([-expected] * len(rejected), rel=1e-9)


@given(LOGPS, LOGPS, st.floats(-5.0, 5.0))
def test_a_common_shift_changes_nothing(chosen: list[float], rejected: list[float], shift: float) -> None:
    objective = build("dpo")
    moved = loss(objective, view([*chosen, shift]), view([*rejected, shift]))
    assert moved == pytest.approx(loss(objective, view([*chosen, 0.0]), view([*rejected, 0.0])), rel=1e-9, abs=1e-12)


@given(LOGPS, LOGPS, BETAS)
def test_swapping_the_pair_adds_beta_times_the_margin(chosen: list[float], rejected: list[float], beta: float) -> None:
    objective = build("dpo", beta=beta)
    margin = (view(chosen).logratio - view(rejected).logratio).item()
    swapped = loss(objective, view(rejected), view(chosen))
    assert swapped == pytest.approx(loss(objective, view(chosen), view(rejected)) + beta * margin, rel=1e-9, abs=1e-9)


@given(LOGPS, LOGPS)
def test_reference_free_equals_a_reference_that_is_indifferent(chosen: list[float], rejected: list[float]) -> None:
    width = max(len(chosen), len(rejected))
    first = view(chosen, [-2.0 * width / len(chosen)] * len(chosen))
    second = view(rejected, [-2.0 * width / len(rejected)] * len(rejected))
    free = build("dpo", reference_free=True)
    assert loss(free, first, second) == pytest.approx(loss(build("dpo"), first, second), rel=1e-9)


def test_reference_free_needs_no_reference_and_rewards_the_likelihood() -> None:
    free = build("dpo", beta=0.5, reference_free=True)
    assert not free.requirements.needs.reference and build("dpo").requirements.needs.reference
    alone = Scored(torch.tensor([[-2.0]]), None, torch.tensor([[True]]))
    assert free.rewards(alone).tolist() == [-1.0]  # type: ignore[union-attr]


def test_rewards_are_beta_times_the_summed_log_ratio() -> None:
    rewards = build("dpo", beta=0.5).rewards(view([-1.0, -3.0], [-2.0, -1.0]))
    assert rewards is not None and rewards.tolist() == [-0.5] and not rewards.requires_grad
