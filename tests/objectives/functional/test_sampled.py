"""Returns, generalised advantages and baselines of sampled responses: limits and laws."""

from __future__ import annotations

import math

import pytest
import torch

from penchant.objectives.functional.sampled.baselines import (
    istar_norm,
    leave_one_out,
    list_advantages,
    responsiveness,
    several_rewards,
    step_advantages,
    topic_difficulty,
)
from penchant.objectives.functional.sampled.returns import (
    divergences,
    gae,
    next_coefficient,
    return_to_go,
    token_rewards,
    whiten,
)
from penchant.objectives.token_level.on_policy_distillation import generalised_jsd

MASK = torch.tensor([[True, True, True, False], [True, False, True, True]])
GROUP = torch.tensor([0, 0, 0, 1, 1, 1])


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_without_values_an_advantage_is_the_sum_of_the_rewards_to_come() -> None:
    rewards = numbers(2, 4)
    found = gae(rewards, 0 * rewards, MASK, lam=1.0)
    torch.testing.assert_close(found, return_to_go(rewards, MASK))
    own = torch.where(MASK, rewards, 0.0)
    torch.testing.assert_close(found[0, 0], own[0].sum())
    torch.testing.assert_close(found[1, 2], own[1, 2:].sum())
    assert (found[~MASK] == 0).all()


def test_with_lambda_zero_an_advantage_is_the_error_of_one_step() -> None:
    rewards, values = numbers(2, 4), numbers(2, 4, seed=1)
    found = gae(rewards, values, MASK, gamma=0.9, lam=0.0)
    # The token after the first of the second row is not the policy's: its next one is the third.
    torch.testing.assert_close(found[1, 0], rewards[1, 0] + 0.9 * values[1, 2] - values[1, 0])
    torch.testing.assert_close(found[0, 2], rewards[0, 2] - values[0, 2])


def test_whitened_advantages_have_mean_zero_and_variance_one_over_tokens() -> None:
    found = whiten(numbers(2, 4), MASK)
    assert found[MASK].mean().abs() < 1e-12 and found[MASK].var().item() == pytest.approx(1, abs=1e-6)
    kept = whiten(numbers(2, 4), MASK, shift=False)
    torch.testing.assert_close(kept[MASK].mean(), numbers(2, 4)[MASK].mean())
    assert whiten(torch.ones(1, 1), torch.zeros(1, 1, dtype=torch.bool)).tolist() == [[0.0]]


def test_token_rewards_add_up_to_the_score_less_the_divergence() -> None:
    policy, reference, scores = numbers(2, 4), numbers(2, 4, seed=1), torch.tensor([1.0, -2.0]).double()
    spent = divergences(policy, reference, "k1")
    found = token_rewards(scores, spent, MASK, 0.1)
    torch.testing.assert_close(found.sum(-1), scores - 0.1 * torch.where(MASK, spent, 0.0).sum(-1))
    clipped = token_rewards(scores, 0 * spent, MASK, 0.1, clip=(-1.5, 1.5))
    assert clipped.sum(-1).tolist() == [1.0, -1.5] and clipped[1, 3] == -1.5


def test_the_estimates_of_a_divergence_are_zero_where_models_agree_and_k3_is_never_negative() -> None:
    policy, reference = numbers(2, 4), numbers(2, 4, seed=1)
    assert (divergences(policy, reference, "k3") >= 0).all()
    for name in ("k1", "k2", "k3", "abs"):
        assert (divergences(policy, policy, name) == 0).all()


def test_the_coefficient_rises_above_the_target_and_falls_below_it() -> None:
    def after(observed: float) -> float:
        return next_coefficient(0.1, observed, target=2.0, horizon=100, samples=50)

    assert after(2.0) == 0.1 and after(2.1) == pytest.approx(0.1 * (1 + 0.05 / 2))
    assert after(100.0) == pytest.approx(0.11) and after(0.0) == pytest.approx(0.09)


def test_the_other_samples_are_the_baseline() -> None:
    rewards = torch.tensor([3.0, 1.0, math.nan, 5.0, math.nan, math.nan])
    assert leave_one_out(rewards, GROUP).tolist() == [2.0, -2.0, 0.0, 0.0, 0.0, 0.0]
    scaled = leave_one_out(numbers(6), GROUP, normalize=True)
    assert scaled.std().item() == pytest.approx(1, abs=1e-3)


def test_normalising_first_is_blind_to_the_scale_of_a_reward_and_summing_first_is_not() -> None:
    rewards, weights = numbers(6, 2), torch.tensor([0.5, 0.5]).double()
    large = rewards * torch.tensor([1.0, 1000.0])
    first = [several_rewards(each, GROUP, weights, order="normalize_then_sum") for each in (rewards, large)]
    torch.testing.assert_close(first[0], first[1], atol=2e-3, rtol=0)
    summed = several_rewards(large, GROUP, weights)
    torch.testing.assert_close(summed, several_rewards(large[:, 1:], GROUP, weights[1:]), atol=0.01, rtol=0)
    missing = rewards.clone()
    missing[0, 1] = math.nan
    assert several_rewards(missing, GROUP, weights, order="normalize_then_sum").isfinite().all()
    same = rewards.clone()
    same[:, 0] = 1.0
    both = several_rewards(same, GROUP, weights, order="normalize_then_sum")
    torch.testing.assert_close(both, several_rewards(rewards[:, 1:], GROUP, weights[1:], order="normalize_then_sum"))


def test_a_target_distribution_keeps_the_order_and_equal_closeness_moves_nothing() -> None:
    closeness = numbers(6)
    found = list_advantages(closeness, GROUP, tau=0.3)
    for rows in (slice(0, 3), slice(3, 6)):
        assert found[rows].argsort().tolist() == closeness[rows].argsort().tolist()
        assert found[rows].sum().abs() < 1e-12
    assert list_advantages(torch.ones(6), GROUP).abs().max() < 1e-6


def test_advantages_of_steps_without_their_weight_are_those_of_outcomes() -> None:
    group, trajectory = torch.tensor([0, 0, 0, 0]), torch.tensor([0, 0, 1, 1])
    outcome, step = torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.tensor([0.1, 0.5, 0.2, 0.4])
    whole, own = step_advantages(outcome, step, group, trajectory, weight=0.0)
    assert whole.tolist() == [1.0, 1.0, -1.0, -1.0] and (own == 0).all()
    _, against_all = step_advantages(outcome, step, group, trajectory)
    _, against_first = step_advantages(outcome, step, group, trajectory, baseline="first_step")
    assert against_all.tolist() == pytest.approx([4 / 3 * (each - 0.3) for each in step.tolist()])
    assert against_first.tolist() == pytest.approx([2 * (each - 0.15) for each in step.tolist()])


def test_rewards_of_steps_come_to_one_scale_whatever_theirs_was() -> None:
    step, trajectory = numbers(7), torch.tensor([0, 0, 0, 1, 1, 2, 2])
    found = istar_norm(step, trajectory)
    rest = [found[trajectory == each].flip(0).cumsum(0).abs().max() for each in range(3)]
    assert max(rest) == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(istar_norm(1000 * step, trajectory), found, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found / found[0], step / step[0])
    assert istar_norm(torch.zeros(3), torch.tensor([0, 0, 1])).tolist() == [0.0] * 3, "φ = old: nothing, and no NaN"


@pytest.mark.parametrize("norm", ["others", "mean", "mean_std"])
def test_an_invalid_action_lowers_its_own_advantage_alone(norm: str) -> None:
    group, trajectory = torch.tensor([0, 0, 0, 0, 1]), torch.tensor([0, 0, 1, 1, 2])
    outcome, step = torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0]), numbers(5)
    plain, own = step_advantages(outcome, step, group, trajectory, norm=norm)  # type: ignore[arg-type]
    lost = 0.1 * torch.tensor([0.0, 1.0, 0.0, 0.0, 1.0])
    found, same = step_advantages(outcome, step, group, trajectory, norm=norm, penalty=lost)  # type: ignore[arg-type]
    scale = outcome[[0, 2]].std().item() if norm == "mean_std" else 1.0
    assert (plain - found).tolist() == pytest.approx([0, 0.1 / scale, 0, 0, 0], abs=1e-6)  # a group of one has none
    torch.testing.assert_close(own, same)


def test_difficulty_is_one_on_average_and_rises_with_dissimilarity() -> None:
    topic = torch.tensor([0, 0, 1])
    found = topic_difficulty(torch.tensor([0.2, 0.8, 0.5]), topic)
    assert found[0] < 1 < found[1] and found[2] == 1
    gaps = torch.tensor([0.0] * 20 + [50.0])
    assert responsiveness(torch.ones(5)) == 1.0 and responsiveness(gaps) < 1.0 and responsiveness(gaps[:1]) == 1.0


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0])
def test_a_student_like_its_teacher_has_nothing_to_learn_and_the_divergence_is_bounded(beta: float) -> None:
    student, teacher = numbers(5, 7).log_softmax(-1), numbers(5, 7, seed=1).log_softmax(-1)
    places = torch.zeros(5)
    assert generalised_jsd(student, places, student, beta).abs().max() < 1e-12
    found = generalised_jsd(student, places, teacher, beta)
    assert (found > 0).all() and (beta != 0.5 or (found < math.log(2)).all())
    # The two ends are each other's with student and teacher exchanged.
    torch.testing.assert_close(found, generalised_jsd(teacher, places, student, 1 - beta))
