"""Anchored preference optimization: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import slopes, values, with_ratios

RATIOS = st.floats(-15.0, 15.0)
BETAS = st.floats(0.05, 1.0)


def slope_of_sigmoid(z: float) -> float:
    """d σ(z) / dz."""
    return 1 / (2 + math.exp(z) + math.exp(-z))


@pytest.mark.parametrize("name", ["apo-zero", "apo-down"])
@given(chosen=RATIOS, rejected=RATIOS, beta=BETAS)
def test_it_is_one_at_the_origin_and_between_zero_and_two(
    name: str, chosen: float, rejected: float, beta: float
) -> None:
    origin, other = values(name, with_ratios([0.0, chosen]), with_ratios([0.0, rejected]), beta=beta)
    assert origin == 1.0 and 0 < other < 2


@given(RATIOS, RATIOS, BETAS)
def test_zero_raises_chosen_and_lowers_rejected_each_by_its_own_log_ratio(
    chosen: float, rejected: float, beta: float
) -> None:
    up, down = slopes("apo-zero", with_ratios([chosen]), with_ratios([rejected]), beta=beta)
    assert up[0][0] == pytest.approx(-beta * slope_of_sigmoid(beta * chosen), rel=1e-9)
    assert down[0][0] == pytest.approx(beta * slope_of_sigmoid(beta * rejected), rel=1e-9)


@given(RATIOS, RATIOS, BETAS)
def test_down_lowers_rejected_always_and_chosen_by_a_difference_of_two_slopes(
    chosen: float, rejected: float, beta: float
) -> None:
    up, down = slopes("apo-down", with_ratios([chosen]), with_ratios([rejected]), beta=beta)
    margin = slope_of_sigmoid(beta * (chosen - rejected))
    assert down[0][0] == pytest.approx(beta * margin, rel=1e-9) and down[0][0] > 0
    assert up[0][0] == pytest.approx(beta * (slope_of_sigmoid(beta * chosen) - margin), rel=1e-7, abs=1e-12)


def test_down_leaves_the_chosen_response_of_equal_models_alone() -> None:
    up, down = slopes("apo-down", with_ratios([0.0]), with_ratios([0.0]))
    assert up == [[0.0]] and down[0][0] > 0
