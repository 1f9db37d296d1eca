"""Policy gradients in the world of chains: rounds of sampling, advantages and a few steps, with or without a critic."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.lab.worlds.chains.world import Chains, Sampled
from penchant.objectives import Objective, Scored
from penchant.objectives.functional.sampled.returns import divergences, gae, token_rewards, whiten
from penchant.online.roll_in import draw_roll_in

__all__ = ["Plan", "Round", "learn"]

#: The fields of an objective from the responses of a round.
Fields = Callable[["Round"], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Plan:
    """The settings of a run.

    Args:
        rounds, samples: rounds, and responses to each prompt in a round.
        steps, learning_rate: steps of Adam on the responses of a round.
        roll_in: share of the responses that begin with tokens of the right one.
        kl_coef, lam: of token rewards and advantages with a critic.
    """

    rounds: int = 40
    samples: int = 16
    steps: int = 4
    learning_rate: float = 0.05
    roll_in: float = 0.0
    kl_coef: float = 0.0
    lam: float = 0.95


@dataclass(frozen=True)
class Round:
    """The responses of a round.

    Args:
        world: the world.
        sampled: the responses.
        view: them under the policy that sampled, without gradient; its mask leaves roll-ins out.
        scores: [R].
    """

    world: Chains
    sampled: Sampled
    view: Scored
    scores: Tensor


def _actor_critic(found: Round, objective: Objective, plan: Plan) -> dict[str, Tensor]:
    """Advantages and returns under the critic of the objective."""
    view = found.view
    with torch.no_grad():
        values: Tensor = objective.values(view)  # type: ignore[operator]  # an objective with a critic
    assert view.reference is not None
    spent = divergences(view.policy, view.reference, "k1")
    rewards = token_rewards(found.scores, spent, view.mask, plan.kl_coef)
    plain = gae(rewards, values, view.mask, lam=plan.lam)
    return {"advantage": whiten(plain, view.mask), "returns": plain + values, "old_values": values}


def learn(
    world: Chains,
    objective: Objective,
    plan: Plan,
    seed: int,
    *,
    score: Callable[[Sampled], Tensor] | None = None,
    fields: Fields | None = None,
) -> list[Tensor]:
    """Train a policy table online from the reference.

    Args:
        world: the world.
        objective: a policy gradient; moved to double precision.
        plan: the settings.
        seed: of the draws.
        score: the reward of each response; 1 for one whose steps are all right by default.
        fields: the objective's fields from the responses; by default advantages and returns under its critic.

    Returns:
        The policies [X, T, 2, V] before the first round and after each.
    """
    generator, rng = torch.Generator().manual_seed(seed), random.Random(seed)
    prompts, length = world.right.shape
    objective.double().bind(prompts * length * 2)
    objective.double()
    logits = world.reference.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits, *objective.parameters()], lr=plan.learning_rate)
    prompt = torch.arange(prompts).repeat_interleave(plan.samples)
    found = [world.reference]
    for _ in range(plan.rounds):
        given = torch.tensor([draw_roll_in(length, plan.roll_in, rng) for _ in prompt])
        policy = logits.log_softmax(-1)
        sampled = world.sample(policy.detach(), prompt, generator, given)
        mask = torch.arange(length) >= given.unsqueeze(1)
        scores = world.succeeded(sampled) if score is None else score(sampled)
        states = world.states(sampled)
        former = world.view(sampled, policy.detach(), mask, group=prompt, hidden=states)
        drawn = Round(world, sampled, former, scores)
        known = _actor_critic(drawn, objective, plan) if fields is None else dict(fields(drawn))
        for _ in range(plan.steps):
            view = world.view(sampled, logits.log_softmax(-1), mask, group=prompt, hidden=states)
            optimizer.zero_grad()
            objective(responses=view, old_policy=drawn.view.policy, **known).values.mean().backward()
            optimizer.step()
        found.append(logits.log_softmax(-1).detach())
    return found
