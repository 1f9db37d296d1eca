"""Conservative DPO and IPO, geometric averaging and ROPO: what their papers state about labels that may be wrong."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.single_pairs import of_ratio, outcome
from penchant.errors import ConfigurationError
from penchant.objectives import Objective, build

RATIOS = st.floats(-30.0, 30.0)
LABELS = st.floats(0.0, 1.0)
#: Each method for soft labels, and the one for hard labels that it is at certainty.
CERTAIN = {
    "cdpo": "dpo",
    "gdpo": "dpo",
    "cipo": "ipo",
    "gipo": "ipo",
    "gropo": "ropo",
}


def logistic_slope(z: float) -> float:
    return -1 / (1 + math.exp(z))


@pytest.mark.parametrize(("soft", "hard"), CERTAIN.items())
@given(RATIOS, RATIOS)
def test_at_certainty_each_is_the_method_for_hard_labels(soft: str, hard: str, chosen: float, rejected: float) -> None:
    told = outcome(build(soft), chosen, rejected, probability=1.0)
    assert told == pytest.approx(outcome(build(hard), chosen, rejected), rel=1e-12)


@pytest.mark.parametrize("objective", [build(name) for name in CERTAIN] + [build("gipo", target="fixed")], ids=repr)
@given(RATIOS, RATIOS, LABELS)
def test_swapping_the_responses_and_turning_the_label_changes_nothing(
    objective: Objective, first: float, second: float, label: float
) -> None:
    one = outcome(objective, first, second, probability=label)
    other = outcome(objective, second, first, probability=1 - label)
    assert one.loss == pytest.approx(other.loss, rel=1e-9, abs=1e-9)
    assert one.chosen_slope == pytest.approx(other.rejected_slope, rel=1e-9, abs=1e-9)


@given(RATIOS, RATIOS)
def test_a_tie_moves_nothing_under_geometric_averaging(first: float, second: float) -> None:
    constants = {"gdpo": math.log(2), "gipo": 0.0, "gropo": 0.1 * math.log(2) + 2.0 / 2}
    for name, constant in constants.items():
        told = outcome(build(name), first, second, probability=0.5)
        assert told.loss == pytest.approx(constant, abs=1e-12)
        assert told.chosen_slope == told.rejected_slope == 0.0
    kept = outcome(build("gipo", beta=0.5, target="fixed"), first, second, probability=0.5)
    assert kept == pytest.approx((1.0, 0.0, 0.0), abs=1e-12)


@given(RATIOS, LABELS)
def test_the_slope_of_gdpo_is_scaled_and_that_of_cdpo_shifted_by_the_label(margin: float, label: float) -> None:
    beta, sure = 0.3, 2 * label - 1
    geometric = outcome(build("gdpo", beta=beta), margin, 0.0, probability=label).chosen_slope
    assert geometric == pytest.approx(beta * sure * logistic_slope(beta * sure * margin), rel=1e-9, abs=1e-12)
    conservative = outcome(build("cdpo", beta=beta), margin, 0.0, probability=label).chosen_slope
    assert conservative == pytest.approx(-beta * (label + logistic_slope(-beta * margin)), rel=1e-9, abs=1e-9)


@given(st.floats(-200.0, 200.0), st.floats(0.55, 1.0))
def test_gdpo_has_no_finite_optimum(margin: float, label: float) -> None:
    assert outcome(build("gdpo", beta=0.3), margin, 0.0, probability=label).chosen_slope < 0


@given(st.floats(0.01, 0.49), st.floats(0.05, 2.0))
def test_cdpo_is_least_where_the_policy_is_as_sure_as_the_label(rate: float, beta: float) -> None:
    best = math.log((1 - rate) / rate) / beta
    objective = build("cdpo", beta=beta, label_smoothing=rate)
    assert outcome(objective, best, 0.0).chosen_slope == pytest.approx(0.0, abs=1e-12)
    entropy = -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
    assert outcome(objective, best, 0.0).loss == pytest.approx(entropy, rel=1e-9)
    # Beyond it the slope is turned round, which that of rDPO never is.
    below, beyond = (outcome(objective, best + step, 0.0).chosen_slope for step in (-1.0, 1.0))
    assert below < 0 < beyond
    assert outcome(build("rdpo", beta=beta, label_smoothing=rate), best + 1.0, 0.0).chosen_slope < 0


@given(RATIOS, st.floats(0.0, 0.49))
def test_cdpo_takes_the_rate_from_the_record_where_it_has_one(margin: float, rate: float) -> None:
    by_rate = outcome(build("cdpo", label_smoothing=rate), margin, 0.0)
    by_record = outcome(build("cdpo", label_smoothing=0.2), margin, 0.0, probability=1 - rate)
    assert by_record == pytest.approx(by_rate, rel=1e-9, abs=1e-12)
    assert outcome(build("cdpo", label_smoothing=rate), 0.0, 0.0).loss == pytest.approx(math.log(2), rel=1e-12)
    assert outcome(build("cdpo"), margin, 0.0) == pytest.approx(outcome(build("dpo"), margin, 0.0), rel=1e-12)


@given(RATIOS)
def test_cdpo_at_one_half_is_symmetric_and_least_at_zero(margin: float) -> None:
    losses = [outcome(build("cdpo"), each, 0.0, probability=0.5).loss for each in (margin, -margin, 0.0)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    assert losses[2] <= losses[0]


@pytest.mark.parametrize("rate", [0.5, -0.1])
def test_cdpo_refuses_rates_outside_its_range(rate: float) -> None:
    with pytest.raises(ConfigurationError, match="label_smoothing"):
        build("cdpo", label_smoothing=rate)


@given(st.floats(0.51, 1.0), st.floats(0.1, 2.0), st.booleans())
def test_the_forms_of_ipo_vanish_at_their_targets(label: float, beta: float, average: bool) -> None:
    sure = 2 * label - 1
    targets: list[tuple[str, dict[str, Any], float]] = [
        ("cipo", {}, sure / (2 * beta)),
        ("gipo", {}, 1 / (2 * beta)),
        ("gipo", {"target": "fixed"}, 1 / (2 * beta * sure)),
    ]
    for name, further, target in targets:
        objective = build(name, beta=beta, average_log_prob=average, **further)
        chosen = of_ratio(target * (3 if average else 1), length=3)
        assert outcome(objective, chosen, 0.0, probability=label) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)


@given(RATIOS, RATIOS, st.floats(0.5, 1.0))
def test_gipo_is_ipo_weighted_by_the_square_of_how_sure_the_label_is(
    chosen: float, rejected: float, label: float
) -> None:
    told = outcome(build("gipo", beta=0.3), chosen, rejected, probability=label)
    plain = outcome(build("ipo", beta=0.3), chosen, rejected)
    assert told == pytest.approx([(2 * label - 1) ** 2 * each for each in plain], rel=1e-9, abs=1e-9)


@given(RATIOS)
def test_ropo_is_a_logistic_loss_and_a_bounded_one(margin: float) -> None:
    logistic = outcome(build("ropo", beta=0.5, alpha=0.0, gamma=1.0), margin, 0.0)
    assert logistic == pytest.approx(outcome(build("dpo", beta=0.5), margin, 0.0), rel=1e-12)
    bounded = outcome(build("ropo", beta=0.5, alpha=2.0, gamma=0.0), margin, 0.0)
    assert bounded.loss == pytest.approx(2 / (1 + math.exp(0.5 * margin)), rel=1e-9)
    # It moves pairs most where the policy is undecided, and forgives those it is sure are labelled wrong.
    assert abs(bounded.chosen_slope) <= 2 * 0.5 / 4 + 1e-12
    both = outcome(build("ropo", beta=0.5, alpha=2.0, gamma=0.1), margin, 0.0)
    assert both.loss == pytest.approx(0.1 * logistic.loss + bounded.loss, rel=1e-12)


@pytest.mark.parametrize("name", ["gdpo", "cipo", "gipo", "gropo"])
def test_without_a_label_the_field_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match="'probability'"):
        build(name)(chosen=of_ratio(1.0), rejected=of_ratio(0.0))


def test_each_pair_has_its_own_label() -> None:
    objective = build("gdpo", beta=1.0)
    pair = {name: of_ratio(ratio).select(torch.tensor([0, 0])) for name, ratio in (("chosen", 1.0), ("rejected", 0.0))}
    values = objective(**pair, probability=torch.tensor([1.0, 0.5], dtype=torch.float64)).values
    assert values.tolist() == pytest.approx([math.log1p(math.exp(-1.0)), math.log(2)])
