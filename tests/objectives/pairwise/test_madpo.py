"""MADPO: what its method sheet says of the coefficient and of the weight."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from objectives.drawing import of_ratios
from penchant.errors import ConfigurationError
from penchant.objectives import build

SCORES = st.floats(-50.0, 50.0)
SHAPES = st.fixed_dictionaries(
    {
        "c_max": st.floats(1.01, 10.0),
        "c_min": st.floats(0.0, 0.99),
        "lambda": st.floats(0.1, 5.0),
        "tau": st.floats(0.0, 10.0),
    }
)


def weigh(gaps: list[float], **hyper: float) -> tuple[list[float], list[float]]:
    """The weight (loss over that of DPO) and the coefficient of pairs with these differences of scores."""
    view, zeros = of_ratios([0.3] * len(gaps)), of_ratios([0.0] * len(gaps))
    scores = torch.tensor(gaps, dtype=torch.float64)
    found = build("madpo", **hyper)(
        chosen=view, rejected=zeros, chosen_score=scores + 1.5, rejected_score=torch.full_like(scores, 1.5)
    )
    plain = build("dpo")(chosen=view, rejected=zeros).values
    return (found.values / plain).tolist(), found.statistics["coef"].tolist()


@given(SHAPES)
def test_at_tau_the_coefficient_is_one(shape: dict[str, float]) -> None:
    weights, coefficients = weigh([shape["tau"], -shape["tau"]], **shape)
    assert coefficients == pytest.approx([1.0, 1.0], rel=1e-9)
    assert weights == pytest.approx([1.0, 1.0], rel=1e-9)


@given(SHAPES, SCORES, SCORES)
def test_the_coefficient_falls_with_the_size_of_the_margin_between_its_limits(
    shape: dict[str, float], first: float, second: float
) -> None:
    _, (near, far) = weigh(sorted([first, second], key=abs), **shape)
    assert shape["c_min"] - 1e-12 <= far <= near + 1e-12 and near <= shape["c_max"] + 1e-12


def test_the_limits_are_reached_where_the_fall_is_steep() -> None:
    _, (small, large) = weigh([0.0, 30.0], c_max=3.0, c_min=0.25, tau=10.0, **{"lambda": 5.0})
    assert (small, large) == pytest.approx((3.0, 0.25), rel=1e-12)


@given(SHAPES, SCORES)
def test_hard_pairs_count_more_and_easy_ones_and_contradicted_ones_less(shape: dict[str, float], gap: float) -> None:
    tau = shape["tau"]
    assume(min(abs(gap), abs(abs(gap) - tau)) > 1e-3)
    (weight,), _ = weigh([gap], **shape)
    if gap < -tau:
        assert weight == pytest.approx(1.0, rel=1e-12)
    elif 0 < gap < tau:
        assert weight >= 1.0
    else:
        assert weight <= 1.0
    assert weight > 1.0 or not 0.1 < gap < min(tau - 0.1, 5.0)
    assert weight < 1.0 or not tau + 0.1 < gap < 5.0


@given(SHAPES)
def test_without_a_reward_margin_the_weight_is_one(shape: dict[str, float]) -> None:
    (weight,), _ = weigh([0.0], **shape)
    # At τ = 0 the margin 0 is not above −τ, and the weight is 1 by the other branch.
    assert weight == pytest.approx(1.0, rel=1e-12)


@given(
    st.lists(SCORES, min_size=1, max_size=5),
    st.sampled_from([(1.0, 1.0), (1 + 1e-9, 1 - 1e-9), (1.0, 0.3), (4.0, 1.0)]),
)
def test_where_nothing_is_amplified_or_dampened_it_is_dpo(gaps: list[float], bounds: tuple[float, float]) -> None:
    weights, _ = weigh(gaps, c_max=bounds[0], c_min=bounds[1])
    # A bound of exactly 1 leaves no room on its side, and then, by the formula, on neither.
    assert weights == pytest.approx([1.0] * len(gaps), abs=1e-6)


@given(st.lists(SCORES, min_size=1, max_size=5))
def test_without_a_slope_it_is_dpo(gaps: list[float]) -> None:
    assert weigh(gaps, **{"lambda": 0.0})[0] == pytest.approx([1.0] * len(gaps), rel=1e-9)


@pytest.mark.parametrize("gap", [-1e4, 1e4])
@pytest.mark.parametrize("tau", [0.0, 1e5])
def test_extreme_rewards_give_finite_weights(gap: float, tau: float) -> None:
    (weight,), (coefficient,) = weigh([gap], tau=tau)
    assert 0 <= weight <= 1e3 and 0.5 <= coefficient <= 2.0


@pytest.mark.parametrize(("name", "value"), [("c_max", 0.9), ("c_min", 1.1), ("c_min", -0.1), ("tau", -1.0)])
def test_bounds_on_the_wrong_side_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=name):
        build("madpo", **{name: value})
