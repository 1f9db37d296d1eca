"""SimPO: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import finite_at_extremes, slopes, values, with_tokens
from penchant.errors import ConfigurationError
from penchant.objectives import build, evaluate

RESPONSES = st.lists(st.floats(-8.0, 0.0), min_size=1, max_size=6)
BETAS = st.floats(0.1, 10.0)
RATIOS = st.floats(0.0, 1.5)


def mean(tokens: list[float]) -> float:
    return sum(tokens) / len(tokens)


@given(st.floats(-5.0, -2.0), BETAS, RATIOS)
def test_the_loss_is_one_bit_where_the_means_differ_by_the_margin(low: float, beta: float, ratio: float) -> None:
    views = with_tokens([low + ratio] * 3), with_tokens([low])
    found = values("simpo", *views, beta=beta, gamma_beta_ratio=ratio)
    assert found == pytest.approx([math.log(2)], rel=1e-9)


@given(RESPONSES, RESPONSES, BETAS, RATIOS)
def test_every_token_of_a_response_has_the_same_gradient(
    chosen: list[float], rejected: list[float], beta: float, ratio: float
) -> None:
    up, down = slopes("simpo", with_tokens(chosen), with_tokens(rejected), beta=beta, gamma_beta_ratio=ratio)
    strength = beta / (1 + math.exp(beta * (mean(chosen) - mean(rejected) - ratio)))
    assert up[0] == pytest.approx([-strength / len(chosen)] * len(chosen), rel=1e-7)
    assert down[0] == pytest.approx([strength / len(rejected)] * len(rejected), rel=1e-7)


@pytest.mark.parametrize("name", ["simpo", "simpo-hinge"])
@given(chosen=RESPONSES, rejected=RESPONSES, repeats=st.integers(2, 3), constant=st.floats(-3.0, 0.0))
def test_neither_repeated_tokens_nor_a_common_constant_change_the_loss(
    name: str, chosen: list[float], rejected: list[float], repeats: int, constant: float
) -> None:
    plain = values(name, with_tokens(chosen), with_tokens(rejected))
    repeated = values(name, with_tokens(chosen * repeats), with_tokens(rejected))
    moved = with_tokens([each + constant for each in chosen]), with_tokens([each + constant for each in rejected])
    assert repeated == pytest.approx(plain, rel=1e-9, abs=1e-9)
    assert values(name, *moved) == pytest.approx(plain, rel=1e-9, abs=1e-9)


@given(st.lists(st.tuples(st.floats(-8.0, 0.0), st.floats(-8.0, 0.0)), min_size=1, max_size=5), BETAS)
def test_without_margin_and_at_equal_lengths_it_is_cpo_s_preference_with_beta_over_length(
    tokens: list[tuple[float, float]], beta: float
) -> None:
    views = with_tokens([first for first, _ in tokens]), with_tokens([second for _, second in tokens])
    simpo = values("simpo", *views, beta=beta, gamma=0.0)
    assert simpo == pytest.approx(values("cpo", *views, beta=beta / len(tokens), cpo_alpha=0.0), rel=1e-9)


@given(BETAS, st.floats(0.0, 5.0))
def test_gamma_and_its_ratio_to_beta_say_the_same(beta: float, gamma: float) -> None:
    by_gamma, by_ratio = (
        build("simpo", beta=beta, gamma=gamma),
        build("simpo", beta=beta, gamma_beta_ratio=gamma / beta),
    )
    assert by_gamma.hyper["gamma_beta_ratio"] == by_ratio.hyper["gamma_beta_ratio"]
    assert build("simpo", **by_gamma.hyper).hyper == by_gamma.hyper


def test_a_gamma_that_contradicts_the_ratio_is_refused_and_named() -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)γ / β is 0.5, but 'gamma_beta_ratio' is 0\.3.*Give either"):
        build("simpo", gamma=1.0, gamma_beta_ratio=0.3)


def test_the_likelihood_term_is_the_cross_entropy_of_all_chosen_tokens_and_couples_the_batch() -> None:
    inputs = {"chosen": {"policy": [[-1.0, -3.0, -2.0], [-0.5]]}, "rejected": {"policy": [[-1.0], [-2.0]]}}
    for average, cross_entropy in (("batch", 6.5 / 4), ("response", (2.0 + 0.5) / 2)):
        plain = evaluate("simpo", {}, inputs)
        found = evaluate("simpo", {"sft_weight": 0.2, "nll_average": average}, inputs)
        assert found["losses"] == plain["losses"] and found["nll_loss"] == pytest.approx(cross_entropy, rel=1e-12)
        assert found["loss"] == pytest.approx(plain["loss"] + 0.2 * cross_entropy, rel=1e-12)
    assert build("simpo", sft_weight=0.2).batch_coupled
    assert not build("simpo").batch_coupled and not build("simpo", sft_weight=0.2, nll_average="response").batch_coupled


def test_rewards_are_beta_times_the_mean_log_probability() -> None:
    rewards = build("simpo", beta=3.0).rewards(with_tokens([-1.0, -2.0]))
    assert rewards is not None and rewards.tolist() == [-4.5] and not rewards.requires_grad


def test_the_hinge_with_its_likelihood_is_finite_at_the_extremes() -> None:
    assert finite_at_extremes("simpo-hinge", sft_weight=1.0)
