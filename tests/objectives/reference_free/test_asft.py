"""ASFT: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import slopes, values, with_tokens

RESPONSES = st.lists(st.floats(-8.0, -0.01), min_size=1, max_size=6)
WEIGHTS = st.floats(0.0, 2.0)


def mean(tokens: list[float]) -> float:
    return sum(tokens) / len(tokens)


@given(RESPONSES, RESPONSES, WEIGHTS, WEIGHTS)
def test_with_slope_one_it_has_a_closed_form(
    chosen: list[float], rejected: list[float], weight: float, own: float
) -> None:
    found = values("asft", with_tokens(chosen), with_tokens(rejected), lambda_=weight, ce_coef=own)
    expected = -(own + weight) * mean(chosen) - weight * math.log(-math.expm1(mean(rejected)))
    assert found == pytest.approx([expected], rel=1e-9)


@given(RESPONSES, RESPONSES, RESPONSES)
def test_the_gradient_of_a_response_does_not_depend_on_the_other(
    chosen: list[float], rejected: list[float], other: list[float]
) -> None:
    first = slopes("asft", with_tokens(chosen), with_tokens(rejected))
    assert slopes("asft", with_tokens(chosen), with_tokens(other))[0] == first[0]
    assert slopes("asft", with_tokens(other), with_tokens(rejected))[1] == first[1]


@given(RESPONSES, RESPONSES)
def test_without_lambda_it_is_the_likelihood_of_the_chosen_response(chosen: list[float], rejected: list[float]) -> None:
    found = values("asft", with_tokens(chosen), with_tokens(rejected), lambda_=0.0)
    assert found == pytest.approx([-mean(chosen)], rel=1e-12)


@given(RESPONSES, RESPONSES)
def test_its_odds_cost_at_least_those_of_orpo(chosen: list[float], rejected: list[float]) -> None:
    views = with_tokens(chosen), with_tokens(rejected)
    here = values("asft", *views, ce_coef=0.0)[0]
    there = values("orpo", *views, lambda_=1.0)[0] + mean(chosen)
    assert there <= here + 1e-9


@pytest.mark.parametrize("level", [0.0, -1e-20, -1e-9, -1e4])
def test_near_certainty_and_far_from_it_all_is_finite(level: float) -> None:
    for views in ((with_tokens([level]), with_tokens([-1.0])), (with_tokens([-1.0]), with_tokens([level]))):
        assert all(map(math.isfinite, values("asft", *views)))
        assert all(math.isfinite(slope) for side in slopes("asft", *views) for slope in side[0])
