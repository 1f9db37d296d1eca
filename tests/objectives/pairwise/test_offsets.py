"""DPO with an offset, and length-regularised DPO, which is one."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import test_battery as battery
from objectives.single_pairs import of_ratio, outcome
from penchant.errors import ConfigurationError
from penchant.objectives import build, evaluate

RATIOS = st.floats(-20.0, 20.0)
BETAS = st.floats(0.01, 1.0)
LENGTHS = st.integers(1, 8)


@given(RATIOS, RATIOS, BETAS, st.floats(0.01, 10.0), st.floats(0.0, 3.0))
def test_the_offset_grows_with_the_difference_of_the_scores(
    chosen: float, rejected: float, beta: float, difference: float, alpha: float
) -> None:
    scores = {"chosen_score": 1.0 + difference, "rejected_score": 1.0}
    for transform, offset in (("log", alpha * math.log(difference)), ("identity", alpha * difference)):
        objective = build("odpo", beta=beta, alpha=alpha, transform=transform)
        told = outcome(objective, chosen, rejected, **scores)
        z = beta * (chosen - rejected) - offset
        assert told.loss == pytest.approx(math.log1p(math.exp(-z)), rel=1e-7)
        assert told.chosen_slope == pytest.approx(-beta / (1 + math.exp(z)), rel=1e-7)
        assert told.rejected_slope == -told.chosen_slope


@given(RATIOS, RATIOS)
def test_without_an_offset_it_is_dpo(chosen: float, rejected: float) -> None:
    dpo = outcome(build("dpo"), chosen, rejected)
    same: list[tuple[dict[str, Any], dict[str, float]]] = [
        ({}, {"margin": 0.0}),
        ({"alpha": 0.0}, {"chosen_score": 5.0, "rejected_score": 1.0}),
        ({}, {"chosen_score": 2.0, "rejected_score": 1.0}),
    ]
    for hyper, fields in same:
        assert outcome(build("odpo", **hyper), chosen, rejected, **fields) == pytest.approx(dpo, rel=1e-12)


@given(st.floats(-10.0, 10.0), BETAS)
def test_the_margin_of_the_record_is_the_offset_whatever_the_scores(offset: float, beta: float) -> None:
    objective = build("odpo", beta=beta)
    told = outcome(objective, offset / beta, 0.0, margin=offset, chosen_score=9.0, rejected_score=1.0)
    assert told.loss == pytest.approx(math.log(2), rel=1e-9)


def test_the_more_a_response_is_preferred_the_harder_the_pair_is_pushed() -> None:
    pushes = [
        -outcome(build("odpo"), 1.0, 0.0, chosen_score=score, rejected_score=0.0).chosen_slope
        for score in (-3.0, 0.0, 0.1, 1.0, 10.0)
    ]
    assert pushes == sorted(pushes)
    # Scores that tie or contradict the label are no matter of degree: such pairs hardly train.
    assert pushes[0] == pushes[1] < 1e-5 * pushes[3]


def test_without_scores_or_margin_the_fields_are_named() -> None:
    for fields in ({}, {"chosen_score": 1.0}):
        with pytest.raises(ConfigurationError, match="'margin' nor both 'chosen_score' and 'rejected_score'"):
            outcome(build("odpo"), 1.0, 0.0, **fields)


def test_the_offset_is_told_and_scores_may_be_called_rewards() -> None:
    view = {"policy": [[-1.0], [-1.0]], "reference": [[-1.0], [-1.0]]}
    told = evaluate(
        "odpo",
        {"transform": "identity", "alpha": 0.5},
        {"chosen": view, "rejected": view, "reward_chosen": [3.0, 1.0], "reward_rejected": [1.0, 1.0]},
    )
    assert told["offset"] == [1.0, 0.0]
    assert told["losses"] == pytest.approx([math.log1p(math.e), math.log(2)])


@pytest.mark.parametrize("transform", ["log", "identity"])
def test_extremes_stay_finite_under_both_transforms(transform: str) -> None:
    objective = build("odpo", transform=transform)
    battery.test_opposite_extremes_give_finite_losses_and_gradients(objective)
    for scores in ((1e4, -1e4), (0.0, 0.0), (-1e4, 1e4)):
        told = outcome(objective, -1e4, 1e4, chosen_score=scores[0], rejected_score=scores[1])
        assert all(map(math.isfinite, told))


@given(RATIOS, RATIOS, LENGTHS, LENGTHS, st.floats(0.0, 1.0))
def test_length_regularised_dpo_is_dpo_with_an_offset(
    first: float, second: float, longer: int, shorter: int, alpha: float
) -> None:
    pair = of_ratio(first, longer), of_ratio(second, shorter)
    told = outcome(build("r-dpo", alpha=alpha), *pair)
    assert told == pytest.approx(outcome(build("odpo"), *pair, margin=-alpha * (longer - shorter)), rel=1e-12)
    if longer == shorter or alpha == 0:
        assert told == pytest.approx(outcome(build("dpo"), *pair), rel=1e-12)


@given(LENGTHS, LENGTHS, st.floats(0.0, 1.0))
def test_at_the_reference_only_the_lengths_count(chosen: int, rejected: int, alpha: float) -> None:
    told = outcome(build("r-dpo", alpha=alpha), of_ratio(0.0, chosen), of_ratio(0.0, rejected))
    assert told.loss == pytest.approx(math.log1p(math.exp(-alpha * (chosen - rejected))), rel=1e-9)


def test_a_longer_chosen_response_is_pushed_less() -> None:
    pushes = [-outcome(build("r-dpo"), of_ratio(1.0, length), of_ratio(0.0, 3)).chosen_slope for length in range(1, 7)]
    assert pushes == sorted(pushes, reverse=True) and pushes[0] > pushes[-1]


@given(RATIOS, RATIOS, RATIOS)
def test_both_are_convex_in_the_chosen_log_ratio(first: float, last: float, other: float) -> None:
    for name, fields in (("odpo", {"margin": 2.0}), ("r-dpo", {})):
        ends = [outcome(build(name), ratio, other, **fields).loss for ratio in (first, last)]
        middle = outcome(build(name), (first + last) / 2, other, **fields).loss
        assert middle <= sum(ends) / 2 + 1e-9
