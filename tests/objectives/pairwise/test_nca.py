"""NCA, InfoNCA and biased NCA on pairs: the properties that their method sheet lists."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.drawing import of_ratios
from objectives.ratios import slopes, values, with_ratios
from penchant.objectives import build

RATIOS = st.floats(-50.0, 50.0)
BETAS = st.floats(0.05, 2.0)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


@given(RATIOS, RATIOS, BETAS)
def test_infonca_of_a_pair_is_dpo(chosen: float, rejected: float, beta: float) -> None:
    views = with_ratios([chosen]), with_ratios([rejected])
    margin = beta * (views[0].logratio - views[1].logratio).item()
    assert values("infonca", *views, beta=beta) == pytest.approx([math.log1p(math.exp(-margin))], rel=1e-9)
    both = of_ratios([chosen, rejected], group=[0, 0])
    # Scores so far apart that the first response has all of the target.
    listed = build("infonca-reward", beta=beta)(responses=both, scores=torch.tensor([1e3, 0.0])).values.tolist()
    assert listed == pytest.approx(values("infonca", *views, beta=beta), rel=1e-7)


@given(st.floats(-20.0, 20.0), st.floats(-20.0, 20.0))
def test_nca_s_gradients_are_those_of_its_sheet_and_know_nothing_of_the_other_side(good: float, bad: float) -> None:
    up, down = slopes("nca", with_ratios([good]), with_ratios([bad]), beta=1.0)
    assert up[0][0] == pytest.approx(-sigmoid(-good) + 0.5 * sigmoid(good), abs=1e-12)
    assert down[0][0] == pytest.approx(0.5 * sigmoid(bad), abs=1e-12)


@given(BETAS, st.floats(0.01, 5.0))
def test_nca_raises_the_chosen_response_to_log_two_and_no_further(beta: float, step: float) -> None:
    rest = math.log(2) / beta
    up, _ = slopes("nca", with_ratios([rest - step, rest, rest + step]), with_ratios([0.0] * 3), beta=beta)
    assert up[0][0] < 0 < up[2][0] and up[1][0] == pytest.approx(0.0, abs=1e-12)


@given(RATIOS, RATIOS)
def test_biased_nca_raises_and_lowers_without_end(good: float, bad: float) -> None:
    up, down = slopes("nca-biased", with_ratios([good]), with_ratios([bad]), beta=1.0)
    assert up[0][0] == pytest.approx(-sigmoid(-good), rel=1e-9) and down[0][0] == pytest.approx(sigmoid(bad), rel=1e-9)


def test_with_equal_models_both_are_two_bits() -> None:
    for name in ("nca", "nca-biased"):
        assert values(name, with_ratios([0.0]), with_ratios([0.0])) == pytest.approx([2 * math.log(2)], rel=1e-12)
