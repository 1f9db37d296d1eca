"""The losses that DiscoPOP found: the properties that their method sheet lists, and how they meet extremes."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import finite_at_extremes, slopes, values, with_ratios
from penchant.objectives import build

MARGINS = st.floats(-30.0, 30.0)
BATCHED = ["discopop-aql", "discopop-aqfl", "discopop-dbaql"]
ALL = [*BATCHED, "discopop-lrml", "discopop-cell", "discopop-padll", "discopop-pfl"]


def at(name: str, *margins: float, **hyper: float) -> list[float]:
    """The losses where z is each of the margins."""
    return values(name, with_ratios(margins), with_ratios([0.0] * len(margins)), beta=1.0, **hyper)


def slope(name: str, *margins: float, **hyper: float) -> list[float]:
    up, _ = slopes(name, with_ratios(margins), with_ratios([0.0] * len(margins)), beta=1.0, **hyper)
    return [row[0] for row in up]


def softplus(z: float) -> float:
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def sigmoid(z: float) -> float:
    return math.exp(-softplus(-z))


def test_lrml_has_the_minimum_and_the_maximum_that_the_sheet_names() -> None:
    grid = [round(-0.3 + 0.001 * step, 3) for step in range(600)]
    found = at("discopop-lrml", *grid)
    turns = [
        (grid[place], found[place], found[place - 1] > found[place])
        for place in range(1, len(grid) - 1)
        if (found[place] - found[place - 1]) * (found[place + 1] - found[place]) < 0
    ]
    (low, low_value, low_is_minimum), (high, high_value, high_is_minimum) = turns
    assert (low, high) == (-0.119, 0.072) and low_is_minimum and not high_is_minimum
    assert low_value == pytest.approx(0.786, abs=5e-4) and high_value == pytest.approx(0.878, abs=5e-4)
    assert slope("discopop-lrml", 0.0)[0] > 0  # at zero margin the chosen response is lowered
    beyond = at("discopop-lrml", *[0.072 + 0.5 * step for step in range(60)])
    assert beyond == sorted(beyond, reverse=True) and beyond[-1] < 1e-12


@given(st.floats(2.0, 30.0))
def test_lrml_is_logistic_far_below_and_exponential_far_above(distance: float) -> None:
    below, above = at("discopop-lrml", -distance, distance)
    assert below == pytest.approx(softplus(distance), rel=1e-9) and above == pytest.approx(
        math.exp(-distance), rel=1e-9
    )


@given(MARGINS)
def test_lrml_tends_to_cell_where_its_passage_is_wide(margin: float) -> None:
    assert at("discopop-lrml", margin, tau=1e9) == pytest.approx(at("discopop-cell", margin), rel=1e-6)


def test_at_zero_margin_lrml_and_cell_are_the_mean_of_logistic_and_exponential() -> None:
    for name in ("discopop-lrml", "discopop-cell"):
        assert at(name, 0.0) == pytest.approx([(math.log(2) + 1) / 2], rel=1e-12)


@given(MARGINS)
def test_padll_halves_what_is_preferred_the_wrong_way(margin: float) -> None:
    # At a margin of less than rounding the two log-probabilities are the same number.
    margin = round(margin, 6)
    share = 0.45 if margin < 0 else 0.9
    assert at("discopop-padll", margin) == pytest.approx([share * softplus(-margin)], rel=1e-9)


@given(st.floats(-5.0, 5.0), st.floats(-5.0, 5.0))
def test_pfl_asks_the_policy_alone_which_loss_applies(ratio: float, lead: float) -> None:
    # The reference prefers the chosen response by `lead`, so the policy does by ratio + lead.
    found = values("discopop-pfl", with_ratios([ratio], [-30.0 + lead]), with_ratios([0.0], [-30.0]), beta=1.0)[0]
    if abs(ratio + lead) < 1e-9:
        return
    expected = softplus(-ratio) / 2 if ratio + lead > 0 else 2 * max(0.0, 1 - ratio)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=6), st.floats(0.05, 2.0))
def test_the_batched_losses_are_those_of_the_sheet(margins: list[float], tau: float) -> None:
    u = [margin / tau for margin in margins]
    mean, spread = statistics.fmean(u), statistics.stdev(u)
    quantile = 0.5 + 0.01 * (sigmoid(mean) - 0.5)
    feedback = spread * statistics.fmean(sigmoid(-each) for each in u)
    feedback += 0.05 * (sigmoid(mean) - feedback)
    share = sigmoid(spread**2)
    found = {name: at(name, *margins, tau=tau) for name in BATCHED}
    for place, z in enumerate(margins):
        weight, rate = sigmoid(quantile - u[place]), sigmoid(0.1 * abs(u[place] - feedback))
        hinge = max(0.0, 1 - z)
        expected = {
            "discopop-aql": weight * softplus(-z) + (1 - weight) * hinge,
            "discopop-aqfl": rate * softplus(-z) + (1 - rate) * hinge,
            "discopop-dbaql": share * softplus(-z / 0.9) + (1 - share) * math.exp(-0.9 * z),
        }
        for name, value in expected.items():
            assert found[name][place] == pytest.approx(value, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", BATCHED)
def test_the_gradient_goes_through_the_statistics_of_the_batch(name: str) -> None:
    margins = torch.tensor([0.03, -0.02, 0.05], dtype=torch.float64, requires_grad=True)

    def losses(ratios: torch.Tensor) -> torch.Tensor:
        chosen, rejected = with_ratios([0.0] * 3), with_ratios([0.0] * 3)
        chosen.policy = chosen.policy.detach() + ratios.unsqueeze(1)
        return build(name, beta=1.0)(chosen=chosen, rejected=rejected).values

    assert torch.autograd.gradcheck(losses, [margins])
    (slope,) = torch.autograd.grad(losses(margins)[0], margins)
    assert (slope[1:] != 0).all() and build(name).batch_coupled


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("margins", [[0.3], [0.3, 0.3], [-2500.0], [-2500.0, 2500.0], [-2500.0, -2500.0]])
def test_a_batch_of_one_without_spread_or_at_the_extremes_is_finite(name: str, margins: list[float]) -> None:
    assert all(map(math.isfinite, at(name, *margins))) and all(map(math.isfinite, slope(name, *margins)))


@given(st.floats(-3.0, 3.0))
def test_a_batch_of_one_has_no_spread(margin: float) -> None:
    assert at("discopop-dbaql", margin) == pytest.approx(
        [0.5 * softplus(-margin / 0.9) + 0.5 * math.exp(-0.9 * margin)], rel=1e-9
    )


@pytest.mark.parametrize("name", ["discopop-cell", "discopop-dbaql"])
def test_even_the_most_mistaken_pair_is_still_pushed(name: str) -> None:
    assert slope(name, -2500.0)[0] < -1e20


@pytest.mark.parametrize("tau", [1e-3, 1.0, 100.0])
def test_lrml_is_finite_however_wide_its_passage(tau: float) -> None:
    assert finite_at_extremes("discopop-lrml", tau=tau, beta=1.0)
