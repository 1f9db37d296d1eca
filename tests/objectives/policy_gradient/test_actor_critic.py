"""Losses with token advantages, a critic, or one ratio a response: their limits and laws."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives import Scored, build
from penchant.objectives.policy_gradient.ppo import value_losses

MASK = torch.tensor([[True, True, True], [True, False, False]])
GROUP = torch.tensor([0, 0])


def drawn(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities under policy and old policy, and an advantage for each token."""
    generator = torch.Generator().manual_seed(seed)
    policy, apart, advantage = torch.randn(3, 2, 3, generator=generator, dtype=torch.float64)
    return (-policy.abs()).requires_grad_(), (-policy.abs() + 0.3 * apart).detach(), advantage


def view(policy: Tensor, **more: Tensor) -> Scored:
    return Scored(policy, None, MASK, group=GROUP, **more)


def test_without_a_critic_the_token_mean_of_ppo_is_that_of_bnpo_and_of_reinforce_pp() -> None:
    policy, old, advantage = drawn()
    ppo = build("ppo", value_weight=0.0).double()
    ppo.bind(2)
    scored = view(policy, hidden=torch.zeros(2, 3, 2, dtype=torch.float64))
    found = ppo(responses=scored, advantage=advantage, returns=0 * old, old_policy=old).values
    for name in ("bnpo", "reinforce-pp"):
        same = build(name)(responses=view(policy), advantage=advantage, old_policy=old).values
        torch.testing.assert_close(same, found)


def test_a_dual_clip_bounds_what_an_unlikely_token_costs() -> None:
    policy = torch.tensor([[0.0]], dtype=torch.float64)
    one = Scored(policy, None, policy <= 0, hidden=torch.zeros(1, 1, 2, dtype=torch.float64))
    given = {"advantage": torch.tensor([-2.0]), "returns": policy, "old_policy": policy - 5}
    for clip, expected in ((0.0, 2 * math.exp(5)), (3.0, 6.0)):
        ppo = build("ppo", dual_clip=clip).double()
        ppo.bind(2)
        assert ppo(responses=one, **given).values.item() == pytest.approx(expected)


def test_a_detached_critic_moves_no_state_below_it() -> None:
    policy, old, advantage = drawn()
    for detached in (False, True):
        hidden = torch.ones(2, 3, 2, dtype=torch.float64).requires_grad_()
        ppo = build("ppo", detach_critic=detached).double()
        ppo.bind(2)
        assert ppo.critic.weight is not None
        with torch.no_grad():
            ppo.critic.weight.fill_(1.0)
        given = {"advantage": advantage, "returns": 1 + 0 * old, "old_policy": old}
        ppo(responses=view(policy, hidden=hidden), **given).values.sum().backward()
        assert (hidden.grad is None) == detached and ppo.critic.weight.grad is not None


def test_without_a_clip_the_critics_loss_is_half_the_squared_error() -> None:
    values, old = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0])
    assert value_losses(values, old, 0 * old, 0.0).tolist() == [0.5, 4.5]
    assert value_losses(values, old, 0 * old, 100.0).tolist() == [0.5, 4.5]


def test_a_token_clipped_on_the_improving_side_has_no_gradient() -> None:
    policy = torch.tensor([[0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    one = Scored(policy, None, policy <= 0)
    old = torch.tensor([[-1.0, 1.0]], dtype=torch.float64)
    build("reinforce-pp")(responses=one, advantage=torch.tensor([[1.0, 1.0]]), old_policy=old).values.sum().backward()
    assert policy.grad is not None and policy.grad[0, 0] == 0 and policy.grad[0, 1] != 0


def test_of_one_token_gspo_and_rloo_are_grpo() -> None:
    policy, old, _ = drawn(1)
    one = Scored(policy[:, :1], None, MASK[:, :1], group=GROUP)
    given = {"advantage": torch.tensor([1.0, -0.5]), "old_policy": old[:, :1]}
    expected = build("grpo")(responses=one, **given).values
    for method in (build("gspo", epsilon_low=0.2, epsilon_high=0.2), build("rloo")):
        torch.testing.assert_close(method(responses=one, **given).values, expected)


def test_a_response_outside_the_clip_of_gspo_loses_its_gradient_as_a_whole() -> None:
    policy, _, _ = drawn(2)
    old = policy.detach() - torch.tensor([[0.5], [0.0]])
    given = {"advantage": torch.tensor([1.0, 1.0]), "old_policy": old}
    build("gspo")(responses=view(policy), **given).values.sum().backward()
    assert policy.grad is not None
    assert (policy.grad[0] == 0).all()
    assert policy.grad[1].tolist() == pytest.approx([-0.5, 0, 0])  # −A s / |y|, half of it for each of two responses


def test_on_policy_the_gradient_of_rloo_is_that_of_reinforce() -> None:
    policy, _, _ = drawn(3)
    build("rloo")(responses=view(policy), advantage=torch.tensor([2.0, -1.0])).values.sum().backward()
    assert policy.grad is not None
    torch.testing.assert_close(policy.grad, torch.tensor([[-1.0] * 3, [0.5, 0, 0]], dtype=torch.float64))


@pytest.mark.parametrize("name", ["rloo", "gmpo"])
def test_advantages_of_tokens_are_refused_where_a_response_has_one_ratio(name: str) -> None:
    policy, old, advantage = drawn()
    with pytest.raises(ConfigurationError, match=f"objective {name}: The advantages have the shape"):
        build(name)(responses=view(policy), advantage=advantage, old_policy=old)
