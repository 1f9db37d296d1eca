"""Online training in a tabular world: sample from the policy, judge, make examples, fit, move the reference."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.lab.worlds.tabular.examples import Examples, Rows
from penchant.lab.worlds.tabular.feedback import all_pairs, pair_examples
from penchant.lab.worlds.tabular.fitting import fit
from penchant.lab.worlds.tabular.policies import Policy, initial_policy, log_probabilities
from penchant.lab.worlds.tabular.world import World
from penchant.objectives import Objective, build
from penchant.objectives.functional.advantages import group_advantages
from penchant.online.pairs import select_pairs
from penchant.online.reference_updates import build_reference_update

__all__ = ["PAIRINGS", "Rounds", "Samples", "run_rounds"]


@dataclass(frozen=True)
class Rounds:
    """How online training goes; the five choices of an online method and their sizes.

    Args:
        pairing: a name in `PAIRINGS`, or a function (world, samples) -> Examples.
        rounds: how often everything is repeated.
        prompts: drawn in a round; None for each of the world's prompts once.
        samples: responses to each, with replacement.
        reference: ``initial``, ``previous``, ``ema`` or ``nesterov``: what the reference becomes after a round.
        reference_rate: of the last two.
        steps: of each round's fit.
        learning_rate: of each round's fit.
        optimizer: of each round's fit, as for `fit`.

    Example:
        >>> Rounds("best_worst", rounds=3).reference
        'initial'
    """

    pairing: str | Callable[[World, Samples], Examples] = "best_worst"
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
        """The settings of each round's fit."""
        return {"steps": self.steps, "learning_rate": self.learning_rate, "optimizer": self.optimizer}


@dataclass(frozen=True, eq=False)
class Samples:
    """What a round has sampled: Q prompts with n responses each, and who judged them.

    Args:
        prompt: [Q] places of the prompts.
        response: [Q, n] places of the responses.
        scores: [Q, n] the reward with the error of the dial ``score_noise``; in a world with cycles the win rate
            among the samples.
        policy: [X, K] log-probabilities that they were drawn from.
        expert: [X, K] log-probabilities of the demonstrations, or None.
        seed: for what a pairing draws.
    """

    prompt: Tensor
    response: Tensor
    scores: Tensor
    policy: Tensor
    expert: Tensor | None
    seed: int


def _pairs(rule: str) -> Callable[[World, Samples], Examples]:
    def build_pairs(world: World, samples: Samples) -> Examples:
        places = [
            (row, *pair)
            for row, scores in enumerate(samples.scores.tolist())
            for pair in select_pairs(rule, scores)
            if samples.response[row, pair[0]] != samples.response[row, pair[1]]
        ]
        row, chosen, rejected = torch.tensor(places, dtype=torch.long).reshape(-1, 3).unbind(-1)
        prompt = samples.prompt[row]
        better, worse = samples.response[row, chosen], samples.response[row, rejected]
        among = world.preference[samples.prompt[row].unsqueeze(-1), better.unsqueeze(-1), samples.response[row]]
        other = world.preference[samples.prompt[row].unsqueeze(-1), worse.unsqueeze(-1), samples.response[row]]
        return pair_examples(world, prompt, better, worse, seed=samples.seed).with_fields(
            chosen_score=samples.scores[row, chosen],
            rejected_score=samples.scores[row, rejected],
            margin=samples.scores[row, chosen] - samples.scores[row, rejected],
            chosen_win_rate=among.mean(-1),
            rejected_win_rate=other.mean(-1),
        )

    return build_pairs


def _exact(world: World, samples: Samples) -> Examples:
    """Every pair of responses, weighted as an endless sample from the policy would; win rates against the policy."""
    now = samples.policy.exp()
    pairs = all_pairs(world, proposal=now)
    rates = torch.einsum("xij,xj->xi", world.preference, now)
    chosen, rejected = pairs.views["chosen"], pairs.views["rejected"]
    assert isinstance(chosen, Rows) and isinstance(rejected, Rows)
    return pairs.with_fields(
        chosen_win_rate=rates[chosen.prompt, chosen.response],
        rejected_win_rate=rates[rejected.prompt, rejected.response],
    )


def _demonstration(world: World, samples: Samples) -> Examples:
    """A demonstration as chosen against each sample."""
    if samples.expert is None:
        raise ConfigurationError("The pairing 'demonstration' needs an expert.", fix="run_rounds(..., expert=table)")
    generator = torch.Generator().manual_seed(samples.seed)
    each = samples.response.shape[1]
    shown = torch.multinomial(samples.expert[samples.prompt].exp(), each, replacement=True, generator=generator)
    prompt, chosen, rejected = samples.prompt.repeat_interleave(each), shown.flatten(), samples.response.flatten()
    return pair_examples(world, prompt, chosen, rejected, seed=samples.seed)


def _best(world: World, samples: Samples) -> Examples:
    """The best sample of each prompt."""
    best = samples.scores.argmax(-1, keepdim=True)
    chosen = samples.response.gather(1, best).squeeze(1)
    return Examples({"chosen": Rows(samples.prompt, chosen)}, {"score": samples.scores.gather(1, best).squeeze(1)})


def _group(world: World, samples: Samples) -> Examples:
    """All samples of a prompt with their advantages, and the log-probabilities of who wrote them."""
    count, each = samples.response.shape
    group = torch.arange(count).repeat_interleave(each)
    prompt, response = samples.prompt.repeat_interleave(each), samples.response.flatten()
    scores = samples.scores.flatten()
    fields = {
        "scores": scores,
        "ranks": (samples.scores.argsort(-1, descending=True).argsort(-1) + 1).flatten().double(),
        "advantage": group_advantages(scores, group),
        "old_policy": samples.policy[prompt, response].unsqueeze(-1) * world.shares[prompt, response],
    }
    return Examples({"responses": Rows(prompt, response, group)}, fields)


#: From judged samples to examples, by name.
PAIRINGS: dict[str, Callable[[World, Samples], Examples]] = {
    **{rule: _pairs(rule) for rule in ("best_worst", "best_other", "best_second", "first_two", "all")},
    "exact": _exact,
    "demonstration": _demonstration,
    "best": _best,
    "group": _group,
}


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


def _pairing(plan: Rounds) -> Callable[[World, Samples], Examples]:
    if not isinstance(plan.pairing, str):
        return plan.pairing
    if plan.pairing not in PAIRINGS:
        raise ConfigurationError(f"There is no pairing {plan.pairing!r}. {nearest(plan.pairing, PAIRINGS)}")
    return PAIRINGS[plan.pairing]


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
        world: where samples are drawn and judged.
        objective: an objective, or its id for its defaults.
        plan: the choices and their sizes.
        seed: of the sampling; round k draws with a seed of its own.
        policy: where to start; the world's reference by default.
        expert: [X, K] log-probabilities that demonstrations are drawn from (SPIN).
        changes: settings of the plan to change.

    Returns:
        ``rounds + 1`` policies.

    Raises:
        ConfigurationError: an unknown pairing or reference, or examples that lack what the objective asks for.

    Example:
        >>> from penchant.lab.worlds.tabular import Dials, build_world, expected_reward
        >>> world = build_world(Dials(), seed=0)
        >>> first, *_, last = run_rounds(world, "grpo", Rounds("group", rounds=3, samples=16), seed=0)
        >>> expected_reward(world, last) > expected_reward(world, first)
        True
    """
    plan = replace(plan, **changes)
    pairing = _pairing(plan)
    method = build(objective) if isinstance(objective, str) else objective
    learner = initial_policy(world) if policy is None else copy.deepcopy(policy)
    reference = copy.deepcopy(learner)
    rule = build_reference_update(plan.reference, plan.reference_rate, learner)
    found = [copy.deepcopy(learner)]
    for number in range(plan.rounds):
        samples = _sample(world, plan, log_probabilities(learner), expert, seed=1_000_003 * seed + number)
        examples = pairing(world, samples)
        if len(examples):
            learner = fit(world, method, examples, policy=learner, reference=reference, **plan.fitting)
        rule.advance(learner, reference)
        found.append(copy.deepcopy(learner))
    return found
