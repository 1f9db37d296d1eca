"""Constrained PO: the limits and the statistics that its method sheet lists."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import finite_at_extremes, values, with_ratios, with_tokens
from penchant.objectives import Scored, build

MARGINS = st.floats(-8.0, 8.0)
GAMMAS = st.floats(0.0, 2.0)


def pair(policy: float, reference: float) -> tuple[Scored, Scored]:
    """A pair with d = ``policy`` and d_ref = ``reference``."""
    return with_ratios([policy - reference], [-10.0 + reference]), with_ratios([0.0], [-10.0])


def loss(policy: float, reference: float, form: str = "", **hyper: Any) -> float:
    return values(f"constrained-po{form}", *pair(policy, reference), **{"beta": 1.0, **hyper})[0]


def logistic(z: float) -> float:
    return max(-z, 0.0) + math.log1p(math.exp(-abs(z)))


@given(MARGINS, MARGINS, GAMMAS)
def test_a_sharp_corner_makes_the_target_the_larger_of_reference_and_gamma(
    policy: float, reference: float, gamma: float
) -> None:
    found = loss(policy, reference, "-soft", gamma=gamma, tau=1e6)
    assert found == pytest.approx(logistic(policy - max(reference, gamma)), abs=1e-5)


@given(MARGINS, MARGINS)
def test_clip_is_the_sharp_corner_at_zero(policy: float, reference: float) -> None:
    sharp = loss(policy, reference, "-soft", gamma=0.0, tau=1e6)
    assert loss(policy, reference) == pytest.approx(sharp, abs=1e-5)


@given(MARGINS, MARGINS, st.floats(0.1, 3.0))
def test_clip_is_dpo_where_the_reference_prefers_chosen_and_reference_free_where_not(
    policy: float, reference: float, beta: float
) -> None:
    plain = values("dpo", *pair(policy, reference), beta=beta, reference_free=reference < 0)[0]
    assert loss(policy, reference, beta=beta) == pytest.approx(plain, rel=1e-9)


@given(MARGINS, st.floats(-2.0, 2.0))
def test_far_above_gamma_cpo_is_dpo(policy: float, gamma_below: float) -> None:
    found = loss(policy, 8.0, "-soft", gamma=max(gamma_below, 0.0), tau=10.0)
    assert found == pytest.approx(values("dpo", *pair(policy, 8.0), beta=1.0)[0], abs=1e-9)


@given(MARGINS, GAMMAS, st.floats(0.5, 4.0), st.floats(0.5, 4.0))
def test_at_the_target_the_loss_is_one_bit_and_a_large_alpha_softens_it(
    reference: float, gamma: float, tau: float, alpha: float
) -> None:
    hyper = {"form": "-soft", "gamma": gamma, "tau": tau, "alpha": alpha}
    margin = logistic(tau * (reference - gamma)) / tau
    assert loss(reference + margin / alpha, reference, **hyper) == pytest.approx(math.log(2), rel=1e-9)
    assert loss(0.0, reference, **{**hyper, "alpha": 2 * alpha}) < loss(0.0, reference, **hyper)


@given(MARGINS, MARGINS, st.floats(0.01, 1.0))
def test_easy_loosens_as_coded_and_tightens_with_the_other_sign(policy: float, reference: float, gamma: float) -> None:
    none = loss(policy, reference, "-easy", gamma=0.0)
    assert none == pytest.approx(logistic(policy - reference), rel=1e-9)
    loose = loss(policy, reference, "-easy", gamma=gamma)
    tight = loss(policy, reference, "-easy", gamma=gamma, margin_sign=-1)
    assert loose < none < tight


def test_all_log_probabilities_are_means_over_tokens() -> None:
    def view(policy: list[float], reference: list[float]) -> Scored:
        tokens = with_tokens(policy)
        return Scored(tokens.policy, with_tokens(reference).policy, tokens.mask)

    once = view([-1.0, -3.0], [-2.0, -2.5]), view([-2.0], [-1.5])
    twice = view([-1.0, -3.0] * 2, [-2.0, -2.5] * 2), view([-2.0] * 3, [-1.5] * 3)
    for name in ("constrained-po", "constrained-po-soft", "constrained-po-easy"):
        assert values(name, *twice) == pytest.approx(values(name, *once), rel=1e-12)
    rewards = build("constrained-po", beta=2.0).rewards(once[0])
    assert rewards is not None and rewards.tolist() == [0.5]


@given(MARGINS, MARGINS)
def test_its_statistics_tell_margin_and_undesirable_pairs(policy: float, reference: float) -> None:
    chosen, rejected = pair(policy, reference)
    told = build("constrained-po-soft", gamma=0.5).forward(chosen=chosen, rejected=rejected).statistics
    d = (chosen.mean_logp - rejected.mean_logp).item()
    d_ref = (chosen.mean_ref_logp - rejected.mean_ref_logp).item()
    assert told["margin"].item() == pytest.approx(logistic(2 * (d_ref - 0.5)) / 2, rel=1e-9)
    assert told["undesirable"].item() == float(d_ref < d < 0)
    assert told["below_target"].item() == float(d_ref < 0.5)


@pytest.mark.parametrize(("form", "hyper"), [("", {}), ("-soft", {}), ("-easy", {}), ("-easy", {"margin_sign": -1})])
def test_every_form_is_finite_even_where_the_reference_is_certain(form: str, hyper: dict[str, Any]) -> None:
    assert finite_at_extremes(f"constrained-po{form}", **hyper)
