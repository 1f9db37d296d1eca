"""CPO and CPO-SimPO: the properties that their method sheets list."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import finite_at_extremes, slopes, values, with_tokens
from penchant.errors import ConfigurationError
from penchant.objectives import Scored, build, evaluate

RESPONSES = st.lists(st.floats(-8.0, 0.0), min_size=1, max_size=6)
BETAS = st.floats(0.05, 2.0)


def referred(view: Scored, total: float) -> Scored:
    """The same responses with a reference under which each has the log-probability ``total``."""
    lengths = view.mask.sum(dim=-1, keepdim=True).double()
    return Scored(view.policy, (total / lengths).expand_as(view.policy), view.mask)


@given(RESPONSES, RESPONSES, BETAS, st.floats(-20.0, 0.0))
def test_without_likelihood_it_is_dpo_with_a_reference_that_is_indifferent(
    chosen: list[float], rejected: list[float], beta: float, total: float
) -> None:
    views = with_tokens(chosen), with_tokens(rejected)
    dpo = values("dpo", *(referred(view, total) for view in views), beta=beta)
    assert values("cpo", *views, beta=beta, cpo_alpha=0.0) == pytest.approx(dpo, rel=1e-7, abs=1e-12)


@given(RESPONSES, st.floats(0.0, 2.0), st.floats(0.0, 0.4))
def test_at_zero_margin_it_is_one_bit_and_the_likelihood(tokens: list[float], alpha: float, epsilon: float) -> None:
    found = values("cpo", with_tokens(tokens), with_tokens(tokens), cpo_alpha=alpha, label_smoothing=epsilon)
    assert found == pytest.approx([math.log(2) - alpha * sum(tokens) / len(tokens)], rel=1e-9)


@given(st.floats(-4.0, -1.0), st.floats(0.2, 2.0))
def test_ipo_turns_at_half_the_inverse_of_beta(level: float, beta: float) -> None:
    goal = level + 1 / (2 * beta)
    hyper = {"beta": beta, "cpo_alpha": 0.0}
    at_goal = values("cpo-ipo", with_tokens([goal, goal]), with_tokens([level]), **hyper)
    assert at_goal == pytest.approx([0.0], abs=1e-18)
    below, _ = slopes("cpo-ipo", with_tokens([goal - 0.1]), with_tokens([level]), **hyper)
    above, _ = slopes("cpo-ipo", with_tokens([goal + 0.1]), with_tokens([level]), **hyper)
    assert below[0][0] < 0 < above[0][0]


@given(RESPONSES, RESPONSES, BETAS)
def test_the_hinge_is_that_of_the_sums(chosen: list[float], rejected: list[float], beta: float) -> None:
    found = values("cpo-hinge", with_tokens(chosen), with_tokens(rejected), beta=beta, cpo_alpha=0.0)
    assert found == pytest.approx([max(0.0, 1 - beta * (sum(chosen) - sum(rejected)))], rel=1e-9, abs=1e-9)


@given(RESPONSES, RESPONSES, st.floats(0.1, 10.0), st.floats(0.0, 6.0), st.floats(0.0, 1.0), st.floats(0.0, 0.4))
def test_the_union_is_simpo_with_the_likelihood_as_its_supervised_term(
    chosen: list[float], rejected: list[float], beta: float, gamma: float, alpha: float, epsilon: float
) -> None:
    views = with_tokens(chosen), with_tokens(rejected)
    shared = {"beta": beta, "gamma": gamma, "label_smoothing": epsilon}
    union = values("cpo-simpo", *views, cpo_alpha=alpha, **shared)
    assert union == pytest.approx(values("simpo", *views, sft_weight=alpha, **shared), rel=1e-7, abs=1e-9)


@given(st.floats(-8.0, 0.0), st.floats(-8.0, 0.0), BETAS)
def test_the_union_without_margin_is_cpo_for_responses_of_one_token(
    chosen: float, rejected: float, beta: float
) -> None:
    views = with_tokens([chosen]), with_tokens([rejected])
    hyper = {"beta": beta, "cpo_alpha": 0.5}
    assert values("cpo-simpo", *views, gamma=0.0, **hyper) == values("cpo", *views, **hyper)


@pytest.mark.parametrize("name", ["cpo", "cpo-simpo"])
def test_at_zero_margin_chosen_rises_and_rejected_falls_whatever_the_lengths(name: str) -> None:
    tokens = [-1.0, -1.0, -1.0], [-1.0]
    up, down = slopes(name, with_tokens(*tokens), with_tokens(*tokens), cpo_alpha=1.0)
    assert all(slope < 0 for row, own in zip(up, tokens, strict=True) for slope in row[: len(own)])
    assert all(slope > 0 for row, own in zip(down, tokens, strict=True) for slope in row[: len(own)])


@pytest.mark.parametrize("name", ["cpo", "cpo-simpo"])
def test_the_mean_over_the_batch_is_that_of_tokens_or_of_responses(name: str) -> None:
    inputs = {"chosen": {"policy": [[-1.0, -3.0, -2.0], [-0.5]]}, "rejected": {"policy": [[-1.0], [-2.0]]}}
    for average, expected in (("batch", 6.5 / 4), ("response", 1.25)):
        objective = {"nll_average": average}
        found = evaluate(name, objective, inputs)
        weight = build(name, **objective).hyper["cpo_alpha"]
        assert found["nll_loss"] == pytest.approx(expected, rel=1e-12)
        assert found["loss"] == pytest.approx(sum(found["losses"]) / 2 + weight * expected, rel=1e-12)
        assert build(name, **objective).batch_coupled == (average == "batch")
    assert not build(name, cpo_alpha=0.0).batch_coupled


def test_rewards_are_sums_or_means_as_the_preference_is() -> None:
    view = with_tokens([-1.0, -2.0])
    for name, reward in (("cpo", -6.0), ("cpo-hinge", -6.0), ("cpo-ipo", -3.0), ("cpo-simpo", -3.0)):
        found = build(name, beta=2.0).rewards(view)
        assert found is not None and found.tolist() == [reward]


@pytest.mark.parametrize("name", ["cpo", "cpo-hinge", "cpo-ipo", "cpo-simpo"])
@pytest.mark.parametrize("nll_average", ["batch", "response"])
def test_every_form_is_finite_at_the_extremes(name: str, nll_average: str) -> None:
    assert finite_at_extremes(name, nll_average=nll_average)


@pytest.mark.parametrize(
    ("name", "hyper", "told"),
    [
        ("cpo", {"loss_type": "hinge"}, "Use objective cpo-hinge"),
        ("cpo", {"loss_type": "simpo"}, "Use objective cpo-simpo"),
        ("cpo", {"gamma": 0.5}, "Use objective cpo-simpo"),
        ("simpo", {"loss_type": "hinge"}, "Use objective simpo-hinge"),
        ("sppo", {"loss_type": "sppo_hard"}, "Use objective sppo-hard"),
        ("constrained-po", {"variant": "easy"}, "Use objective constrained-po-easy"),
    ],
)
def test_a_form_that_was_a_hyper_parameter_is_named_by_its_id(name: str, hyper: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=f"objective {name}: There is no hyper-parameter.*{told}"):
        build(name, **hyper)
