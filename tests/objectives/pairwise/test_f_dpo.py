"""f-DPO: the slopes of each divergence, where one is another, and derivatives that a person gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from objectives import test_battery as battery
from objectives.single_pairs import of_ratio, outcome
from penchant.errors import ConfigurationError
from penchant.objectives import build
from penchant.objectives.pairwise.f_dpo import FDPO

RATIOS = st.floats(-12.0, 12.0)
BETA = 0.3
#: The slope g' of each divergence.
SLOPES: dict[str, Callable[[float], float]] = {
    "reverse_kl": lambda ratio: 1.0,
    "forward_kl": lambda ratio: math.exp(-ratio),
    "js": lambda ratio: 1 / (1 + math.exp(ratio)),
    "alpha": lambda ratio: math.exp(-0.3 * ratio),
}
#: The same divergences by the derivative of f, each up to a constant.
DERIVATIVES: dict[str, Callable[[Tensor], Tensor]] = {
    "reverse_kl": lambda u: u.log() + 1,
    "forward_kl": lambda u: -1 / u,
    "js": lambda u: (2 * u / (1 + u)).log(),
    "alpha": lambda u: (1 - u**-0.3) / 0.3,
}
OBJECTIVES = [build("f-dpo", divergence=name, alpha=0.3) for name in SLOPES]
GIVEN = [build("f-dpo", derivative=derivative) for derivative in DERIVATIVES.values()]


@pytest.mark.parametrize("divergence", SLOPES)
@given(RATIOS, RATIOS)
def test_each_log_ratio_is_pushed_by_the_slope_of_the_divergence(
    divergence: str, chosen: float, rejected: float
) -> None:
    told = outcome(build("f-dpo", beta=BETA, divergence=divergence, alpha=0.3), chosen, rejected)
    push = -math.expm1(-told.loss)  # σ(−z), from −log σ(z)
    slope = SLOPES[divergence]
    assert told.chosen_slope == pytest.approx(-BETA * push * slope(chosen), rel=1e-6, abs=1e-12)
    assert told.rejected_slope == pytest.approx(BETA * push * slope(rejected), rel=1e-6, abs=1e-12)


@given(RATIOS, RATIOS)
def test_reverse_kl_is_dpo(chosen: float, rejected: float) -> None:
    told = outcome(build("f-dpo", beta=BETA, divergence="reverse_kl"), chosen, rejected)
    assert told == pytest.approx(outcome(build("dpo", beta=BETA), chosen, rejected), rel=1e-12)


@given(RATIOS, RATIOS)
def test_alpha_runs_from_the_reverse_to_the_forward_kl(chosen: float, rejected: float) -> None:
    for alpha, limit in ((1e-9, "reverse_kl"), (1.0, "forward_kl")):
        told = outcome(build("f-dpo", beta=BETA, divergence="alpha", alpha=alpha), chosen, rejected)
        expected = outcome(build("f-dpo", beta=BETA, divergence=limit), chosen, rejected)
        assert told == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("divergence", SLOPES)
@given(RATIOS)
def test_equal_log_ratios_give_log_2(divergence: str, ratio: float) -> None:
    assert outcome(build("f-dpo", divergence=divergence), ratio, ratio).loss == pytest.approx(math.log(2), rel=1e-12)


@pytest.mark.parametrize("divergence", SLOPES)
def test_a_common_shift_changes_all_but_the_reverse_kl(divergence: str) -> None:
    objective = build("f-dpo", divergence=divergence)
    here, there = outcome(objective, 1.0, -1.0).loss, outcome(objective, 3.0, 1.0).loss
    assert (there == pytest.approx(here, rel=1e-9)) == (divergence == "reverse_kl")


@pytest.mark.parametrize("divergence", SLOPES)
@given(RATIOS, RATIOS, RATIOS)
def test_the_loss_is_convex_in_the_chosen_log_ratio(divergence: str, first: float, last: float, other: float) -> None:
    objective = build("f-dpo", beta=BETA, divergence=divergence)
    ends = [outcome(objective, ratio, other).loss for ratio in (first, last)]
    assert outcome(objective, (first + last) / 2, other).loss <= sum(ends) / 2 * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize("divergence", DERIVATIVES)
@given(RATIOS, RATIOS)
def test_a_given_derivative_is_the_divergence_it_belongs_to(divergence: str, chosen: float, rejected: float) -> None:
    by_name = build("f-dpo", beta=BETA, divergence=divergence, alpha=0.3)
    by_derivative = FDPO(derivative=DERIVATIVES[divergence], beta=BETA)
    expected = outcome(by_name, chosen, rejected)
    assert outcome(by_derivative, chosen, rejected) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    rewards = [each.rewards(of_ratio(chosen)).item() for each in (by_name, by_derivative)]
    assert rewards[1] == pytest.approx(rewards[0], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("objective", OBJECTIVES + GIVEN)
def test_extremes_stay_finite_under_every_divergence(objective: FDPO) -> None:
    for policy in (-1e4, 0.0):
        for reference in (-1e4, 0.0):
            battery.test_extreme_log_probabilities_give_finite_losses_and_gradients(objective, policy, reference)
    battery.test_opposite_extremes_give_finite_losses_and_gradients(objective)
    battery.test_equal_models_have_rewards_of_exactly_zero(objective)


@pytest.mark.parametrize("objective", OBJECTIVES + GIVEN)
def test_every_divergence_raises_the_chosen_and_has_exact_gradients(objective: FDPO) -> None:
    battery.test_at_zero_margin_the_chosen_response_is_raised_and_the_rejected_lowered(objective)
    battery.test_gradients_agree_with_finite_differences(objective)
    battery.test_what_the_mask_hides_reaches_neither_loss_nor_gradient(objective)


@pytest.mark.parametrize(
    ("derivative", "told"),
    [("log", "'log', expected a function"), (lambda u: u.sum(), r"returned \[\]"), (lambda u: 1.0, "returned float")],
)
def test_what_is_no_derivative_is_refused(derivative: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        outcome(FDPO(derivative=derivative), 1.0, 0.0)


def test_the_derivative_is_told_with_the_hyper_parameters() -> None:
    assert "derivative=" in repr(FDPO(derivative=torch.log)) and "derivative" not in repr(FDPO())
