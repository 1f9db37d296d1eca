"""Online training in a tabular world: sample, score, build examples, fit, update the reference."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from penchant.lab.worlds.tabular.fitting import fit
from penchant.lab.worlds.tabular.pairings import Pairing, Samples, pairing_of
from penchant.lab.worlds.tabular.policies import Policy, initial_policy, log_probabilities
from penchant.lab.worlds.tabular.world import World
from penchant.objectives import Objective, build
from penchant.online.reference_updates import build_reference_update

__all__ = ["Rounds", "run_rounds"]


@dataclass(frozen=True)
class Rounds:
    """The settings of online training.

    Args:
        pairing: a name in `PAIRINGS`, or a function (world, samples) -> Examples.
        rounds: number of rounds.
        prompts: prompts drawn per round; None for every prompt once.
        samples: responses per prompt, drawn with replacement.
        reference: ``initial``, ``previous``, ``ema`` or ``nesterov``: how the reference is updated after a round.
        reference_rate: rate of ``ema`` and ``nesterov``.
        steps: optimizer steps per round.
        learning_rate: learning rate of each round.
        optimizer: optimizer of each round, as for `fit`.

    Example:
        >>> Rounds("best_worst", rounds=3).reference
        'initial'
    """

    pairing: str | Pairing = "best_worst"
    rounds: int = 5
    prompts: int | None = None
    samples: int = 8
    reference: str = "initial"
    reference_rate: float = 0.1
    steps: int = 100
    learning_rate: float = 0.05
    optimizer: Any = "adam"

    @property
    def fitting(self) -> dict[str, Any]:
        """The settings of `fit` in each round."""
        return {"steps": self.steps, "learning_rate": self.learning_rate, "optimizer": self.optimizer}


def _sample(world: World, plan: Rounds, policy: Tensor, expert: Tensor | None, seed: int) -> Samples:
    generator = torch.Generator().manual_seed(seed)
    every = torch.arange(world.dials.prompts)
    prompt = every if plan.prompts is None else torch.randint(len(every), (plan.prompts,), generator=generator)
    response = torch.multinomial(policy[prompt].exp(), plan.samples, replacement=True, generator=generator)
    if world.dials.cycles:
        scores = world.preference[prompt[:, None, None], response.unsqueeze(-1), response.unsqueeze(-2)].mean(-1)
    else:
        noise = torch.randn(response.shape, generator=generator, dtype=torch.float64)
        scores = world.reward[prompt.unsqueeze(-1), response] + world.dials.score_noise * noise
    return Samples(prompt, response, scores, policy, expert, seed)


def run_rounds(
    world: World,
    objective: Objective | str,
    plan: Rounds,
    *,
    seed: int,
    policy: Policy | None = None,
    expert: Tensor | None = None,
    **changes: Any,
) -> list[Policy]:
    """Train online and return the policy before the first round and after each one.

    Args:
        world: the world.
        objective: an objective, or an id for its defaults.
        plan: the settings.
        seed: seed of the sampling; each round has its own derived seed.
        policy: initial policy; the reference of the world by default.
        expert: [X, K] log-probabilities for drawing demonstrations (SPIN).
        changes: settings that replace those of the plan.

    Returns:
        ``rounds + 1`` policies.

    Raises:
        ConfigurationError: an unknown pairing or reference, or examples that lack what the objective needs.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world, expected_reward
        >>> world = build_world(Dials(), seed=0)
        >>> first, *_, last = run_rounds(world, "grpo", Rounds("group", rounds=3, samples=16), seed=0)
        >>> expected_reward(world, last) > expected_reward(world, first)
        True
    """
    plan = replace(plan, **changes)
    pairing = pairing_of(plan.pairing)
    method = build(objective) if isinstance(objective, str) else objective
    learner = initial_policy(world) if policy is None else copy.deepcopy(policy)
    reference = copy.deepcopy(learner)
    rule = build_reference_update(plan.reference, plan.reference_rate, learner)
    found = [copy.deepcopy(learner)]
    for number in range(plan.rounds):
        samples = _sample(world, plan, log_probabilities(learner), expert, seed=1_000_003 * seed + number)
        examples = pairing(world, samples)
        if len(examples):
            learner = fit(
                world, method, examples, policy=learner, reference=reference, previous=learner, **plan.fitting
            )
        rule.advance(learner, reference)
        found.append(copy.deepcopy(learner))
    return found
