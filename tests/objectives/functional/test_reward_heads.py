"""Heads of reward models beside Bradley-Terry's: the properties that their method sheets list."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives.functional.gated_experts import gate
from penchant.objectives.functional.ideal_points import hinge, mixed_points, scaled_cosines, smooth_hinge, to_points
from penchant.objectives.functional.modality_head import joint_loss
from penchant.objectives.functional.ordered_rewards import ordered_pairs
from penchant.objectives.functional.reward_distributions import gaussian_loss, gaussian_preference, pinball
from penchant.objectives.functional.reward_mixtures import ensemble

SEEDS = st.integers(0, 1000)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(SEEDS, st.floats(0.05, 0.95))
def test_the_middle_quantile_costs_half_the_error_and_any_is_least_at_its_share(seed: int, level: float) -> None:
    labels = drawn(seed, 40)
    middle = pinball(labels, torch.zeros(40, 1), torch.tensor([0.5]))
    torch.testing.assert_close(middle.squeeze(-1), labels.abs() / 2)
    costs = [float(pinball(labels, each.expand(40, 1), torch.tensor([level])).mean()) for each in labels.sort().values]
    best = min(range(40), key=costs.__getitem__)
    assert best / 40 <= level + 1e-9 <= (best + 1) / 40 + 1e-6


@given(SEEDS)
def test_a_gaussian_head_is_sure_exactly_where_it_is_right(seed: int) -> None:
    mean, labels = drawn(seed, 5), drawn(seed + 1, 5)
    level = (labels - mean).square().log().requires_grad_()
    [pushed] = torch.autograd.grad(gaussian_loss(mean, level, labels, eps=1e-12).sum(), level)
    torch.testing.assert_close(pushed, torch.zeros(5, dtype=torch.float64))  # the best variance is the squared error
    gap, variance = mean - labels, drawn(seed + 2, 5).exp()
    torch.testing.assert_close(
        gaussian_preference(gap, variance) + gaussian_preference(-gap, variance), torch.ones(5).double()
    )


@given(SEEDS, st.integers(1, 4), st.floats(0.0, 3.0))
def test_ensembles_of_equals_agree_and_the_worst_is_never_above_the_mean(seed: int, members: int, k: float) -> None:
    apart, one = drawn(seed, members, 6), drawn(seed + 1, 6)
    assert (ensemble(apart, "worst") <= ensemble(apart) + 1e-12).all()
    assert (ensemble(apart, "uncertainty", k) <= ensemble(apart) + 1e-12).all()
    for how in ("mean", "worst", "uncertainty"):
        torch.testing.assert_close(ensemble(one.expand(members, 6), how, k), one)


@given(SEEDS)
def test_rewards_by_distance_do_not_know_where_the_space_begins(seed: int) -> None:
    left, right, prototypes, shift = (drawn(seed + k, 3, 4) for k in range(4))
    users = drawn(seed + 4, 3, 3)
    at = mixed_points(users, prototypes)
    moved = mixed_points(users, prototypes + shift[0])
    margin = to_points(right, at) - to_points(left, at)
    torch.testing.assert_close(to_points(right + shift[0], moved) - to_points(left + shift[0], moved), margin)
    # A user who stands where the left response does prefers it, by distance and by angle.
    assert (to_points(left, left) <= to_points(right, left)).all()
    assert (scaled_cosines(left, left, 1.0) >= scaled_cosines(right, left, 1.0)).all()
    assert float(scaled_cosines(left, left, 50.0).max()) == pytest.approx(100.0)


@given(st.floats(-9.0, 9.0), st.floats(0.1, 5.0), st.floats(0.05, 5.0))
def test_the_smooth_hinge_lies_within_half_its_width_below_the_hinge(
    agreement: float, margin: float, width: float
) -> None:
    given_ = torch.tensor([agreement], dtype=torch.float64, requires_grad=True)
    smooth = smooth_hinge(given_, margin, width)
    value, sharp = float(smooth.detach()), float(hinge(given_.detach(), margin))
    assert sharp - width / 2 - 1e-12 <= value <= sharp + 1e-12
    [found] = torch.autograd.grad(smooth.sum(), given_)
    assert float(found) == pytest.approx(-min(1.0, max(0.0, (margin - agreement) / width)))


@given(SEEDS, st.floats(0.5, 20.0), st.floats(0.2, 3.0))
def test_gates_sum_to_their_scale_and_equal_logits_are_a_mean(seed: int, temperature: float, scale: float) -> None:
    found = gate(drawn(seed, 2, 5), temperature, scale)
    torch.testing.assert_close(found.sum(-1), torch.full((2,), scale, dtype=torch.float64))
    torch.testing.assert_close(gate(torch.full((5,), 3.0), temperature, scale), torch.full((5,), scale / 5))


@given(SEEDS)
def test_the_margin_of_a_modality_falls_as_its_own_class_rises(seed: int) -> None:
    outputs = [drawn(seed + k, 3, 4).requires_grad_() for k in range(2)]
    labels = torch.tensor([0, 3, 1])
    found = torch.autograd.grad(joint_loss(outputs, drawn(seed + 2, 3, 4), labels, rho=2.0).sum(), outputs)
    for each in found:
        own = each.gather(-1, labels.unsqueeze(-1))
        assert (own < 0).all() and (each.scatter(-1, labels.unsqueeze(-1), 0.0) >= 0).all()


def test_texts_with_rewards_of_zero_cost_log_two_of_the_mean_weight() -> None:
    zero = torch.zeros(2, dtype=torch.float64)
    assert ordered_pairs(zero, zero, zero, (0.3, 1.0, 0.3)).tolist() == pytest.approx([math.log(2) * 1.6 / 3] * 2)
