"""EXO on pairs: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import slopes, values, with_ratios
from penchant.errors import ConfigurationError
from penchant.objectives import evaluate

RATIOS = st.floats(-30.0, 30.0)
EPSILONS = st.floats(1e-6, 0.49)
BETAS = st.floats(0.05, 2.0)


@given(RATIOS, EPSILONS, BETAS)
def test_it_is_zero_at_the_label_s_odds_and_positive_elsewhere(other: float, epsilon: float, beta: float) -> None:
    goal = math.log((1 - epsilon) / epsilon) / beta
    hyper = {"label_smoothing": epsilon, "beta": beta}
    least = values("exo-pref", with_ratios([goal]), with_ratios([0.0]), **hyper)[0]
    assert least == pytest.approx(0.0, abs=1e-12)
    up, down = slopes("exo-pref", with_ratios([goal + 1, goal - 1]), with_ratios([0.0, 0.0]), **hyper)
    assert up[0][0] > 0 > up[1][0] and down[1][0] > 0 > down[0][0]
    assert values("exo-pref", with_ratios([other]), with_ratios([0.0]), **hyper)[0] >= -1e-12


@given(EPSILONS, RATIOS)
def test_at_zero_margin_it_is_the_divergence_of_indifference_from_the_label(epsilon: float, level: float) -> None:
    found = values("exo-pref", with_ratios([level]), with_ratios([level]), label_smoothing=epsilon)[0]
    assert found == pytest.approx(-math.log(2) - (math.log1p(-epsilon) + math.log(epsilon)) / 2, rel=1e-9, abs=1e-12)


@given(RATIOS, RATIOS, st.floats(-20.0, -0.7))
def test_the_official_target_lowers_the_loss_by_a_constant_that_is_not_learned(
    chosen: float, rejected: float, log_epsilon: float
) -> None:
    # Normalised, the target (1, ε) is (1 − e, e) with e = ε / (1 + ε).
    total = 1 + math.exp(log_epsilon)
    smoothing = {"label_smoothing": math.exp(log_epsilon) / total}
    views = with_ratios([chosen]), with_ratios([rejected])
    official = values("exo-pref-official", *views, log_epsilon=log_epsilon)[0]
    assert official + math.log(total) == pytest.approx(values("exo-pref", *views, **smoothing)[0], abs=1e-9)
    official_slopes = slopes("exo-pref-official", *views, log_epsilon=log_epsilon)
    for theirs, mine in zip(official_slopes, slopes("exo-pref", *views, **smoothing), strict=True):
        assert theirs[0] == pytest.approx(mine[0], abs=1e-9)


def test_the_two_targets_of_the_published_code_differ_by_less_than_five_in_a_hundred_thousand() -> None:
    views = with_ratios([-3.0, 0.0, 40.0]), with_ratios([1.0, 0.0, 0.0])
    official = values("exo-pref-official", *views)
    for mine, theirs in zip(values("exo-pref", *views, label_smoothing=math.exp(-10)), official, strict=True):
        assert 0 < mine - theirs < 4.6e-5


@pytest.mark.parametrize("epsilon", [0.0, 0.5, -0.1])
def test_a_label_that_never_errs_or_says_nothing_is_refused(epsilon: float) -> None:
    with pytest.raises(ConfigurationError, match="label_smoothing"):
        values("exo-pref", with_ratios([0.0]), with_ratios([0.0]), label_smoothing=epsilon)


def test_published_groups_are_read_whichever_member_is_better() -> None:
    members = {
        "policy": [[-1.0, -2.0], [-3.0], [-0.5], [-2.5, -0.1]],
        "reference": [[-1.5, -2.5], [-3.5], [-1.0], [-2.0, -1.0]],
    }
    params = {"beta_policy": 0.5, "beta_reward": 1.0, "log_epsilon": -10.0}
    found = evaluate(
        "exo-pref-official",
        params,
        {"responses": members, "groups": [[0, 1], [2, 3]], "scores": [1.0, 0.0, 0.0, 1.0]},
    )
    pairs = {
        view: {model: [rows[first], rows[second]] for model, rows in members.items()}
        for view, (first, second) in {"chosen": (0, 3), "rejected": (1, 2)}.items()
    }
    plain = evaluate("exo-pref-official", {"beta": 0.5}, pairs)
    assert found["losses"] == plain["losses"] and found["loss"] == plain["loss"]
    chosen, rejected = plain["grad"]["chosen.policy"], plain["grad"]["rejected.policy"]
    assert found["grad"]["responses.policy"] == [chosen[0], rejected[0], rejected[1], chosen[1]]
