"""Losses of pairs of rewards and scores: the properties that their method sheets list."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives.functional.general_preference import block_weights, skew_score
from penchant.objectives.functional.joint_pairs import joint_bce, joint_logistic
from penchant.objectives.functional.reward_pairs import centering, margin_regression, reward_logistic
from penchant.objectives.functional.ties import davidson, outcome_loss, rao_kupper

REWARDS = st.floats(-8.0, 8.0)
TEMPERATURES = st.floats(0.1, 4.0)


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def slope(loss: torch.Tensor, *leaves: torch.Tensor) -> list[float]:
    return [float(each) for each in torch.autograd.grad(loss.sum(), leaves)]


@given(REWARDS, REWARDS, st.floats(0.0, 3.0), TEMPERATURES)
def test_the_logistic_loss_pushes_both_rewards_alike_by_how_far_the_margin_is_missed(
    chosen: float, rejected: float, margin: float, tau: float
) -> None:
    better, worse = tensor(chosen).requires_grad_(), tensor(rejected).requires_grad_()
    loss = reward_logistic(better - worse, tau, tensor(margin))
    push = 1 / (tau * (1 + math.exp((chosen - rejected - margin) / tau)))
    assert slope(loss, better, worse) == pytest.approx([-push, push], rel=1e-9)
    assert float(loss.detach()) >= float(reward_logistic(tensor(chosen - rejected), tau))  # a margin costs
    assert float(reward_logistic(tensor(margin), tau, tensor(margin))) == pytest.approx(math.log(2))


@given(REWARDS, REWARDS, REWARDS, st.floats(0.01, 0.99))
def test_only_the_square_of_the_sum_sees_where_zero_is(
    chosen: float, rejected: float, shift: float, share: float
) -> None:
    moved = (chosen + shift) - (rejected + shift)
    assert float(reward_logistic(tensor(moved))) == pytest.approx(float(reward_logistic(tensor(chosen - rejected))))
    better, worse = tensor(chosen).requires_grad_(), tensor(-chosen).requires_grad_()
    assert slope(centering(better, worse), better, worse) == [0.0, 0.0]
    # A soft label is the mean of both orders; without a preference it is least at 0, where it is log 2.
    both = share * reward_logistic(tensor(chosen)) + (1 - share) * reward_logistic(tensor(-chosen))
    assert float(reward_logistic(tensor(chosen), preferred=share)) == pytest.approx(float(both))
    assert float(reward_logistic(tensor(chosen), preferred=0.5)) >= math.log(2) - 1e-12


@given(TEMPERATURES, st.floats(0.5, 12.0), st.floats(0.1, 5.0))
def test_the_regression_turns_round_where_the_target_is_met(tau: float, target: float, beyond: float) -> None:
    for side in (-1.0, 1.0):
        gap = tensor(target * tau + side * beyond).requires_grad_()
        [found] = slope(margin_regression(gap, tau, target), gap)
        assert found * side > 0
    assert float(margin_regression(tensor(target * tau), tau, target)) == pytest.approx(0.0, abs=1e-12)


@given(st.integers(0, 1000), st.sampled_from([1, 2, 3]), st.floats(0.2, 5.0))
def test_general_preferences_are_antisymmetric_and_know_no_common_rotation(
    seed: int, blocks: int, scale: float
) -> None:
    draws = torch.Generator().manual_seed(seed)
    one, other = torch.randn(2, 3, 2 * blocks, generator=draws, dtype=torch.float64)
    weights = block_weights(torch.randn(3, blocks, generator=draws, dtype=torch.float64))
    found = skew_score(one, other, weights)
    torch.testing.assert_close(found, -skew_score(other, one, weights))
    assert not skew_score(one, one, weights).any()
    angle = torch.rand((), generator=draws, dtype=torch.float64) * 6
    turn = torch.block_diag(*[torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]])] * blocks)
    torch.testing.assert_close(skew_score(one @ turn.double(), other @ turn.double(), weights), found)
    # Scaling λ and τ together changes nothing.
    scaled = reward_logistic(skew_score(one, other, scale * weights), tau=scale)
    torch.testing.assert_close(scaled, reward_logistic(found))


def test_general_preferences_contain_a_cycle_and_bradley_terry() -> None:
    angles = tensor(0.0, 120.0, 240.0).deg2rad()
    points = torch.stack([angles.cos(), angles.sin()], dim=-1)
    assert (skew_score(points, points.roll(-1, 0)) > 0.5).all()
    rewards = tensor(0.3, -1.2, 2.0)
    flat = torch.stack([rewards, torch.full_like(rewards, 1.7)], dim=-1)
    torch.testing.assert_close(skew_score(flat, flat.roll(1, 0)), 1.7 * (rewards - rewards.roll(1, 0)))


@given(REWARDS, st.floats(0.0, 3.0), st.sampled_from([rao_kupper, davidson]))
def test_three_outcomes_sum_to_one_and_ties_are_likeliest_between_equals(gap: float, size: float, model) -> None:  # type: ignore[no-untyped-def]
    found, turned = model(tensor(gap), size).exp(), model(tensor(-gap), size).exp()
    assert float(found.sum()) == pytest.approx(1.0)
    assert found[0].tolist() == pytest.approx(turned[0].flip(-1).tolist(), abs=1e-12)
    assert float(found[0, 1]) <= float(model(tensor(0.0), size).exp()[0, 1]) + 1e-12
    # Without ties wins and losses are those of Bradley-Terry.
    none = outcome_loss(model(tensor(gap, gap), 0.0), tensor(1.0, 0.0), eps=0.0)
    assert none.tolist() == pytest.approx(reward_logistic(tensor(gap, -gap)).tolist(), rel=1e-9)


def test_joint_scores_without_a_better_response() -> None:
    left, right, equal = tensor(0.4), tensor(-1.1), tensor(3.0)
    assert float(joint_logistic(left, right, equal, equal)) == pytest.approx(math.log(2))
    targets = 0.5 * (torch.log1p(left.exp()) + torch.log1p(right.exp()))  # (0, 0)
    torch.testing.assert_close(joint_bce(left, right, equal, equal), targets)


@pytest.mark.parametrize("size", [1e4, -1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rewards_of_any_size_have_finite_losses_and_slopes(size: float, dtype: torch.dtype) -> None:
    gap = torch.tensor([size], dtype=dtype, requires_grad=True)
    found = [reward_logistic(gap), reward_logistic(gap, 0.1, preferred=0.3), joint_logistic(gap, -gap, gap, -gap)]
    found += [
        outcome_loss(model(gap, 0.5), torch.tensor([each]))
        for model in (rao_kupper, davidson)
        for each in (0.0, 0.5, 1.0)
    ]
    for loss in found:
        [pushed] = torch.autograd.grad(loss.sum(), gap)
        assert loss.isfinite().all() and pushed.isfinite().all()
    assert float(found[0].detach()) == pytest.approx(max(0.0, -size))
