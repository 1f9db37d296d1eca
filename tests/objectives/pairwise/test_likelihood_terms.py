"""SLiC-HF, regularized PO and DPO with SFT: a margin's loss, and the likelihood of the chosen response."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.single_pairs import of_tokens, outcome
from penchant.errors import ConfigurationError
from penchant.objectives import Objective, Scored, build, evaluate

LOGPS = st.lists(st.floats(-20.0, 0.0), min_size=1, max_size=6)
#: Methods of DPO and a likelihood term: hyper-parameters, and the term's weight for one token of a response of n.
TERMS = [
    pytest.param(build("rpo-regularized", beta=0.3, eta=0.2), lambda n: 0.2 * 0.3, id="rpo-regularized"),
    pytest.param(
        build("rpo-regularized", beta=0.3, eta=0.2, sft_average=True), lambda n: 0.2 / n, id="rpo-regularized-average"
    ),
    pytest.param(build("dpo-sft", beta=0.3, lambda_=0.2), lambda n: 0.2, id="dpo-sft"),
    pytest.param(build("dpo-sft", beta=0.3, lambda_=0.2, sft_average=True), lambda n: 0.2 / n, id="dpo-sft-average"),
]


def against_minus_one(policy: list[float]) -> Scored:
    return of_tokens(policy, [-1.0] * len(policy))


def plain(policy: list[float]) -> Scored:
    return of_tokens(policy)


@pytest.mark.parametrize(("objective", "weight"), TERMS)
@given(LOGPS, LOGPS)
def test_they_are_dpo_and_the_likelihood_of_the_chosen_response(
    objective: Objective, weight: Callable[[int], float], chosen: list[float], rejected: list[float]
) -> None:
    each_token = weight(len(chosen))
    told = outcome(objective, against_minus_one(chosen), against_minus_one(rejected))
    dpo = outcome(build("dpo", beta=0.3), against_minus_one(chosen), against_minus_one(rejected))
    assert told.loss == pytest.approx(dpo.loss - each_token * sum(chosen), rel=1e-9)
    assert told.chosen_slope == pytest.approx(dpo.chosen_slope - each_token, rel=1e-9)
    assert told.rejected_slope == pytest.approx(dpo.rejected_slope, rel=1e-9)


@pytest.mark.parametrize("average", [False, True])
@given(LOGPS, LOGPS)
def test_without_weight_they_are_dpo(average: bool, chosen: list[float], rejected: list[float]) -> None:
    expected = outcome(build("dpo", beta=0.3), against_minus_one(chosen), against_minus_one(rejected))
    for name, weight in (("rpo-regularized", "eta"), ("dpo-sft", "lambda")):
        objective = build(name, beta=0.3, sft_average=average, **{weight: 0.0})
        assert outcome(objective, against_minus_one(chosen), against_minus_one(rejected)) == pytest.approx(expected)


@given(LOGPS, LOGPS, st.floats(0.01, 1.0), st.floats(0.0, 1.0))
def test_the_two_are_one_function_of_differently_named_weights(
    chosen: list[float], rejected: list[float], beta: float, eta: float
) -> None:
    first = build("rpo-regularized", beta=beta, eta=eta)
    second = build("dpo-sft", beta=beta, lambda_=eta * beta)
    pair = against_minus_one(chosen), against_minus_one(rejected)
    assert outcome(first, *pair) == pytest.approx(outcome(second, *pair), rel=1e-12)


@pytest.mark.parametrize(("words", "average"), [("sum over tokens, times beta", False), ("token average", True)])
def test_published_cases_say_the_form_in_words(words: str, average: bool) -> None:
    pair = {name: {"policy": [[-1.0, -2.0]], "reference": [[-1.0, -1.0]]} for name in ("chosen", "rejected")}
    told = evaluate("rpo-regularized", {"beta": 0.5, "eta": 0.2, "sft": words}, pair)
    assert told["loss"] == pytest.approx(math.log(2) + 0.2 * (1.5 if average else 3.0 * 0.5))


@given(LOGPS, LOGPS, st.floats(0.0, 10.0), st.floats(0.0, 2.0))
def test_slic_pushes_with_the_same_force_until_the_margin_is_reached(
    chosen: list[float], rejected: list[float], delta: float, weight: float
) -> None:
    margin = sum(chosen) - sum(rejected)
    told = outcome(build("slic-hf", delta=delta, lambda_=weight), plain(chosen), plain(rejected))
    assert told.loss == pytest.approx(max(0.0, delta - margin) - weight * sum(chosen), rel=1e-9, abs=1e-9)
    if not math.isclose(margin, delta, abs_tol=1e-9):
        active = float(margin < delta)
        assert told[1:] == pytest.approx((-active - weight, active))


@given(LOGPS, LOGPS)
def test_slic_with_a_reference_of_equals_is_the_hinge_with_one(chosen: list[float], rejected: list[float]) -> None:
    # Where the reference finds both responses equally likely, β Δ is the margin in units of 1 / β.
    pair = [of_tokens(tokens, [-6.0 / len(tokens)] * len(tokens)) for tokens in (chosen, rejected)]
    hinge = outcome(build("slic-hinge", beta=1.0), *pair)
    assert outcome(build("slic-hf", delta=1.0, lambda_=0.0), *pair) == pytest.approx(hinge, rel=1e-9, abs=1e-9)


def test_slic_asks_for_no_reference_and_refuses_negative_weights() -> None:
    assert not build("slic-hf").needs.reference
    for wrong in ({"delta": -1.0}, {"lambda": -0.1}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            build("slic-hf", **wrong)


@pytest.mark.parametrize("name", ["slic-hf", "rpo-regularized", "dpo-sft"])
def test_at_zero_margin_chosen_is_raised_and_rejected_lowered_whatever_the_lengths(name: str) -> None:
    for length in (1, 4):
        view = [against_minus_one([-1.0] * length) for _ in range(2)]
        told = outcome(build(name), *view)
        assert told.chosen_slope < 0 < told.rejected_slope


def test_averaged_likelihoods_count_every_pair_the_same() -> None:
    tokens = torch.full((2, 4), -1.0)
    view = Scored(tokens, tokens, torch.tensor([[True] * 4, [True, False, False, False]]))
    for name in ("rpo-regularized", "dpo-sft"):
        values = build(name, sft_average=True)(chosen=view, rejected=view).values
        torch.testing.assert_close(values[0], values[1])
