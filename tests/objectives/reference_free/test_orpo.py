"""ORPO: the properties that its method sheet lists."""

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


@given(RESPONSES, WEIGHTS)
def test_equal_means_cost_one_bit_times_lambda(tokens: list[float], weight: float) -> None:
    found = values("orpo", with_tokens(tokens), with_tokens([mean(tokens)]), lambda_=weight)
    assert found == pytest.approx([-mean(tokens) + weight * math.log(2)], rel=1e-7)


@given(RESPONSES, RESPONSES)
def test_without_lambda_it_is_the_likelihood_of_the_chosen_response(chosen: list[float], rejected: list[float]) -> None:
    views = with_tokens(chosen), with_tokens(rejected)
    assert values("orpo", *views, lambda_=0.0) == pytest.approx([-mean(chosen)], rel=1e-12)
    assert slopes("orpo", *views, lambda_=0.0)[1] == [[0.0] * len(rejected)]


@given(st.floats(-60.0, -25.0), st.floats(-60.0, -25.0))
def test_improbable_responses_are_told_apart_as_by_simpo(chosen: float, rejected: float) -> None:
    views = with_tokens([chosen]), with_tokens([rejected])
    simpo = values("simpo", *views, beta=1.0, gamma=0.0)
    assert values("orpo", *views, lambda_=1.0)[0] + chosen == pytest.approx(simpo[0], rel=1e-9, abs=1e-9)


@given(RESPONSES, RESPONSES, WEIGHTS)
def test_chosen_rises_and_rejected_falls_by_the_slope_of_log_odds(
    chosen: list[float], rejected: list[float], weight: float
) -> None:
    up, down = slopes("orpo", with_tokens(chosen), with_tokens(rejected), lambda_=weight)
    good, bad = mean(chosen), mean(rejected)
    gap = good - math.log(-math.expm1(good)) - bad + math.log(-math.expm1(bad))
    push = weight / (1 + math.exp(gap))
    assert up[0][0] == pytest.approx((-1 - push / -math.expm1(good)) / len(chosen), rel=1e-6)
    assert down[0][0] == pytest.approx(push / -math.expm1(bad) / len(rejected), rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("level", [0.0, -1e-20, -1e-9, -1e4])
def test_near_certainty_and_far_from_it_all_is_finite(level: float) -> None:
    for views in ((with_tokens([level]), with_tokens([-1.0])), (with_tokens([-1.0]), with_tokens([level]))):
        assert all(map(math.isfinite, values("orpo", *views, lambda_=1.0)))
        assert all(math.isfinite(slope) for side in slopes("orpo", *views, lambda_=1.0) for slope in side[0])
