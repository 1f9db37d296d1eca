"""Supervised fine-tuning from f-divergences: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import with_ratios
from penchant.objectives import build

DIVERGENCES = ["total-variation", "pearson", "hellinger", "jensen-shannon", "reverse-kl"]


def phi(divergence: str, reward: float) -> tuple[float, float]:
    """φ and its slope."""
    given_reward = torch.tensor(reward, dtype=torch.float64, requires_grad=True)
    value = build("fdiv-sft", divergence=divergence).phi(given_reward)  # type: ignore[attr-defined]
    (slope,) = torch.autograd.grad(value, given_reward)
    return float(value), float(slope)


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_where_the_policy_is_its_reference_all_gradients_are_those_of_supervised_fine_tuning(divergence: str) -> None:
    assert phi(divergence, 0.0) == pytest.approx((0.0, 1.0))
    view = with_ratios([0.0, 0.0])
    for per_token in (True, False):
        loss = build("fdiv-sft", divergence=divergence, beta=0.5, per_token=per_token)(chosen=view).values.sum()
        (slope,) = torch.autograd.grad(loss, view.policy, retain_graph=True)
        assert slope.flatten().tolist() == pytest.approx([-0.5, -0.5])


@pytest.mark.parametrize("divergence", DIVERGENCES)
@given(st.floats(-30.0, 30.0), st.floats(-30.0, 30.0))
def test_phi_is_concave(divergence: str, first: float, second: float) -> None:
    middle = phi(divergence, (first + second) / 2)[0]
    assert middle >= (phi(divergence, first)[0] + phi(divergence, second)[0]) / 2 - 1e-9


@given(st.floats(-0.4, 5.0))
def test_phi_is_the_published_function_where_it_is_defined(reward: float) -> None:
    assert phi("total-variation", reward)[0] == reward
    assert phi("pearson", reward)[0] == pytest.approx(reward - reward**2 / 4)
    assert phi("hellinger", reward)[0] == pytest.approx(reward / (1 + reward))
    assert phi("jensen-shannon", reward)[0] == pytest.approx(math.log(2 - math.exp(-reward)))
    assert phi("reverse-kl", reward)[0] == pytest.approx(1 - math.exp(-reward))


def test_the_pull_of_pearson_vanishes_at_two_and_turns_round_above() -> None:
    assert phi("pearson", 2.0)[1] == 0.0 and phi("pearson", 3.0)[1] < 0.0
