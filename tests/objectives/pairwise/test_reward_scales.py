"""RSO, DPOP, Flex-DPO, DPO with a scaled reference, and Cal-DPO: how far and how hard each side is pushed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.single_pairs import of_ratio, of_tokens, outcome
from penchant.errors import ConfigurationError
from penchant.objectives import build, evaluate

RATIOS = st.floats(-20.0, 20.0)
BETAS = st.floats(0.01, 1.0)


def logistic_push(z: float) -> float:
    return 1 / (1 + math.exp(z))


@given(RATIOS, RATIOS, BETAS)
def test_the_losses_of_rso_are_the_hinge_and_dpo(chosen: float, rejected: float, gamma: float) -> None:
    margin = gamma * (of_ratio(chosen).logratio - of_ratio(rejected).logratio).item()
    hinge, logistic = (build(name, beta=gamma) for name in ("rso-hinge-norm", "rso-sigmoid-norm"))
    assert outcome(hinge, chosen, rejected).loss == pytest.approx(max(0.0, 1 - margin), rel=1e-9, abs=1e-12)
    assert outcome(logistic, chosen, rejected).loss == pytest.approx(math.log1p(math.exp(-margin)), rel=1e-9)
    with pytest.raises(ConfigurationError, match=r"no hyper-parameter 'gamma'.*Use beta, which is the γ of RSO"):
        build("rso-hinge-norm", gamma=gamma)


@given(RATIOS, RATIOS, BETAS, st.floats(0.0, 100.0))
def test_dpop_pushes_a_chosen_response_that_has_fallen_harder(
    chosen: float, rejected: float, beta: float, weight: float
) -> None:
    told = outcome(build("dpop", beta=beta, lambda_=weight), chosen, rejected)
    fallen = of_ratio(chosen).logratio.item() < 0
    z = beta * (chosen - rejected - weight * max(0.0, -chosen))
    push = beta * logistic_push(min(z, 500.0))
    assert told.chosen_slope == pytest.approx(-push * (1 + weight * fallen), rel=1e-6, abs=1e-9)
    assert told.rejected_slope == pytest.approx(push, rel=1e-6, abs=1e-9)
    if not fallen or weight == 0:
        assert told == pytest.approx(outcome(build("dpo", beta=beta), chosen, rejected), rel=1e-9)


def test_dpop_is_continuous_where_the_penalty_begins() -> None:
    above, below = (outcome(build("dpop"), step, -1.0).loss for step in (1e-9, -1e-9))
    assert above == pytest.approx(below, abs=1e-6)


@given(RATIOS, RATIOS, BETAS, st.floats(0.0, 1.0))
def test_flex_dpo_pushes_in_the_ratio_of_its_temperatures(
    chosen: float, rejected: float, beta: float, share: float
) -> None:
    told = outcome(build("flex-dpo", beta_plus=beta, beta_minus=share * beta), chosen, rejected)
    assert told.rejected_slope == pytest.approx(-share * told.chosen_slope, rel=1e-9, abs=1e-12)
    if share == 0:
        assert told == pytest.approx(outcome(build("flex-dpo", beta_plus=beta, beta_minus=0.0), chosen, 0.0))


@given(RATIOS, RATIOS, BETAS)
def test_flex_dpo_with_one_temperature_is_dpo(chosen: float, rejected: float, beta: float) -> None:
    told = outcome(build("flex-dpo", beta_plus=beta, beta_minus=beta), chosen, rejected)
    assert told == pytest.approx(outcome(build("dpo", beta=beta), chosen, rejected), rel=1e-9)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_in_probabilities_the_less_likely_response_is_pushed_more_by_their_ratio(
    chosen: float, rejected: float
) -> None:
    objective = build("flex-dpo", beta_plus=0.5, beta_minus=0.5)

    def loss(first: float, second: float) -> float:
        return outcome(objective, of_tokens([math.log(first)], [-1.0]), of_tokens([math.log(second)], [-1.0])).loss

    step = 1e-6
    up = loss(chosen + step, rejected) - loss(chosen - step, rejected)
    down = loss(chosen, rejected + step) - loss(chosen, rejected - step)
    assert down / -up == pytest.approx(chosen / rejected, rel=1e-3)


def test_flex_dpo_refuses_to_pull_the_rejected_response_harder() -> None:
    with pytest.raises(ConfigurationError, match=r"'beta_minus' is 0\.2, expected at most 'beta_plus', which is 0\.1"):
        build("flex-dpo", beta_minus=0.2)


@given(st.floats(-20, 0), st.floats(-20, 0), st.floats(-20, 0), st.floats(-20, 0), st.floats(0.0, 2.0))
def test_a_scaled_reference_takes_off_its_share(first: float, second: float, a: float, b: float, gamma: float) -> None:
    chosen, rejected = of_tokens([first], [a]), of_tokens([second], [b])
    told = outcome(build("dpo-gamma-ref", gamma=gamma), chosen, rejected)
    z = 0.1 * (first - second - gamma * (a - b))
    assert told.loss == pytest.approx(math.log1p(math.exp(-z)), rel=1e-9)
    assert told.chosen_slope == pytest.approx(-0.1 * logistic_push(z), rel=1e-9)
    assert told.rejected_slope == -told.chosen_slope
    limits = {1.0: build("dpo"), 0.0: build("dpo", reference_free=True)}
    for limit, same in limits.items():
        at_limit = build("dpo-gamma-ref", gamma=limit)
        assert outcome(at_limit, chosen, rejected) == pytest.approx(outcome(same, chosen, rejected), rel=1e-9)
        assert at_limit.rewards(chosen).item() == pytest.approx(same.rewards(chosen).item(), abs=1e-9)


@given(RATIOS, RATIOS, BETAS, st.floats(0.0, 2.0))
def test_calibration_draws_each_log_ratio_to_its_target(
    chosen: float, rejected: float, beta: float, weight: float
) -> None:
    told = outcome(build("cal-dpo", beta=beta, calibration_weight=weight), chosen, rejected)
    aim, push = 1 / (2 * beta), logistic_push(chosen - rejected)
    assert told.chosen_slope == pytest.approx(-push + 2 * weight * (chosen - aim), rel=1e-9, abs=1e-9)
    assert told.rejected_slope == pytest.approx(push + 2 * weight * (rejected + aim), rel=1e-9, abs=1e-9)


@given(BETAS, st.floats(0.0, 2.0))
def test_calibrated_losses_at_no_change_and_at_the_targets(beta: float, weight: float) -> None:
    objective = build("cal-dpo", beta=beta, calibration_weight=weight)
    nothing = outcome(objective, 0.0, 0.0).loss
    assert nothing == pytest.approx(math.log(2) + weight / (2 * beta**2), rel=1e-9)
    aim = 1 / (2 * beta)
    plain = build("dpo", beta=1.0)  # no β in the logistic term
    assert outcome(objective, aim, -aim) == pytest.approx(outcome(plain, aim, -aim), rel=1e-9, abs=1e-12)


def test_a_common_shift_changes_the_calibrated_loss_and_its_mean_is_that_of_the_published_form() -> None:
    objective = build("cal-dpo", beta=0.1)
    assert outcome(objective, 3.0, 2.0).loss != pytest.approx(outcome(objective, 1.0, 0.0).loss, rel=1e-3)
    pair = {
        "chosen": {"policy": [[-1.0], [-2.0]], "reference": [[-1.5], [-1.0]]},
        "rejected": {"policy": [[-1.0, -1.0], [-3.0]], "reference": [[-1.0, -2.0], [-1.0]]},
    }
    told = evaluate("cal-dpo", {"beta": 0.5}, pair)
    # Squares of (0.5 − 1, 1 + 1) and of (−1 − 1, −2 + 1); half of their mean stands in both losses.
    assert told["losses"] == pytest.approx([math.log1p(math.exp(z)) + 0.5 * 4.625 for z in (0.5, -1.0)])
    assert told["loss"] == pytest.approx(sum(told["losses"]) / 2)


def test_calibration_by_averages_does_not_depend_on_length() -> None:
    short, long = (of_tokens([-1.0] * n, [-1.5] * n) for n in (1, 4))
    objective = build("cal-dpo", beta=0.5, average_log_prob=True)
    assert outcome(objective, short, 0.0).loss == pytest.approx(outcome(objective, long, 0.0).loss, rel=1e-12)


@pytest.mark.parametrize("name", ["dpop", "flex-dpo", "dpo-gamma-ref", "cal-dpo"])
@given(RATIOS, RATIOS, RATIOS)
def test_the_loss_is_convex_in_the_chosen_log_ratio(name: str, first: float, last: float, other: float) -> None:
    ends = [outcome(build(name), ratio, other).loss for ratio in (first, last)]
    assert outcome(build(name), (first + last) / 2, other).loss <= sum(ends) / 2 + 1e-9 * (1 + sum(ends))
