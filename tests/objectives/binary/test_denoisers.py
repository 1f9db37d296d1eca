"""Diffusion-KTO and MaPO: the properties that their method sheets list, in terms of denoising errors."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives import build, evaluate
from penchant.objectives.functional.numerics import over_expm1

ERRORS = st.floats(0.0, 1.0)
FEW = st.lists(st.tuples(ERRORS, ERRORS, st.booleans()), min_size=1, max_size=6)


def mapo(winner: float, loser: float, **hyper: Any) -> dict[str, Any]:
    return evaluate("mapo", hyper, {"errors": {"winner": {"policy": [winner]}, "loser": {"policy": [loser]}}})


def kto(rows: list[tuple[float, float, bool]], **hyper: Any) -> dict[str, Any]:
    policy, reference, labels = (list(each) for each in zip(*rows, strict=True))
    return evaluate("diffusion-kto", hyper, {"errors": {"policy": policy, "reference": reference}, "labels": labels})


@given(ERRORS, ERRORS)
def test_mapo_without_its_margin_is_supervised_learning(winner: float, loser: float) -> None:
    assert mapo(winner, loser, beta=0.0)["loss"] == pytest.approx(winner, abs=1e-12)


@given(ERRORS, st.floats(0.0, 1.0))
def test_mapo_of_equal_errors_adds_a_coin(error: float, beta: float) -> None:
    assert mapo(error, error, beta=beta)["loss"] == pytest.approx(error + beta * math.log(2), abs=1e-9)


@given(ERRORS, ERRORS)
def test_mapo_lowers_the_winners_error_and_raises_the_losers(winner: float, loser: float) -> None:
    grad = mapo(winner, loser, num_train_timesteps=10)["grad"]
    assert grad["winner.policy_error"][0] > 0 > grad["loser.policy_error"][0]


def test_mapo_of_small_errors_has_the_margin_of_half_the_ratio() -> None:
    found = mapo(0.0010, 0.0011, beta=1.0)["ratio_losses"][0]
    assert found == pytest.approx(-math.log1p(math.exp(250 * (0.0010 - 0.0011))), rel=1e-5)


@given(st.floats(-40.0, 40.0))
def test_the_ratio_of_a_number_to_its_exponential_is_exact_and_smooth(value: float) -> None:
    asked = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    found = over_expm1(asked)
    assert found.item() == pytest.approx(1.0 if value == 0 else value / math.expm1(value), rel=1e-12)
    if abs(abs(value) - 1e-2) > 1e-5:
        assert torch.autograd.gradcheck(over_expm1, asked)


@given(st.floats(0.1, 0.9), st.sampled_from([True, False]), st.floats(0.1, 3.0))
def test_kto_at_its_reference_point_is_half_the_weight(error: float, label: bool, weight: float) -> None:
    found = kto([(error, error, label)], lambda_desirable=weight, lambda_undesirable=weight)
    assert found["reference_point"] == 0.0 and found["losses"] == pytest.approx([weight / 2])


@given(FEW, st.sampled_from(["none", "sigmoid"]))
def test_kto_of_the_sigmoid_stays_between_nothing_and_the_weight(
    rows: list[tuple[float, float, bool]], offset: str
) -> None:
    found = kto(rows, offset=offset, beta=3.0)
    assert all(0 <= loss <= 1 for loss in found["losses"])
    for (_, _, label), slope in zip(rows, found["grad"]["policy_error"], strict=True):
        assert slope >= 0 if label else slope <= 0


@given(FEW, st.floats(0.0, 0.5), st.sampled_from(["sigmoid", "loss_averse", "risk_seeking_1", "risk_seeking_3"]))
def test_kto_does_not_change_where_all_gains_grow_alike(
    rows: list[tuple[float, float, bool]], more: float, utility: str
) -> None:
    # Gains far above zero, so that the reference point is never held at zero.
    first = [(policy, reference + 2, label) for policy, reference, label in rows]
    second = [(policy, reference + 2 + more, label) for policy, reference, label in rows]
    told = [kto(each, utility=utility, beta=2.0)["losses"] for each in (first, second)]
    assert told[0] == pytest.approx(told[1], abs=1e-6)


def test_the_scale_of_the_likelihood_cancels() -> None:
    rows = [(0.2, 0.3, True), (0.4, 0.3, False)]
    assert kto(rows, half_factor=0.5)["losses"] == pytest.approx(kto(rows, half_factor=1.0)["losses"])
    assert mapo(0.2, 0.3, half_factor=0.5)["loss"] == pytest.approx(mapo(0.2, 0.3, half_factor=1.0)["loss"])


def test_kto_tells_the_reference_point_and_rewards_in_units_of_its_slope() -> None:
    objective = build("diffusion-kto", beta=10.0)
    from penchant.objectives import Scored

    view = Scored(torch.tensor([[-0.1]]), torch.tensor([[-0.3]]), torch.ones(1, 1, dtype=torch.bool))
    assert objective.rewards(view).item() == pytest.approx(4.0)  # errors 0.2 and 0.6
