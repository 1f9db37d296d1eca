"""`Collector`: draws prompts, samples and judges responses, stores them, and builds the examples of a round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penchant.feedback.records import Record
from penchant.forest.example import Example
from penchant.generation.responses import Sampling
from penchant.likelihood.references import Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Requirements
from penchant.online.pairing import Pairing, build_examples
from penchant.online.recipe import OnlineRecipe
from penchant.online.rollouts import Rollout
from penchant.online.round_files import RoundFiles
from penchant.online.sampling import Sampler, with_old_logps
from penchant.online.token_facts import with_token_facts

__all__ = ["Collector", "describe", "prompts_of_round", "teaches"]


@dataclass
class Collector:
    """Collects the examples of a round.

    Args:
        recipe: number of samples, and how to sample.
        records: the prompts to draw from.
        sampler: samples and judges responses.
        scorer: the policy.
        pairing: selects the responses of each example.
        wanted: requirements of the objective.
        files: store the samples of each round.
        advance: called after each call of the engine; may raise to stop the run.
        reference: the reference of the round.
        objective: the objective, for its critic.
    """

    recipe: OnlineRecipe
    records: Sequence[Record]
    sampler: Sampler
    scorer: Scorer
    pairing: Pairing
    wanted: Requirements
    files: RoundFiles
    advance: Callable[[int], None]
    reference: Reference[Any, Any]
    objective: Objective

    def collect(self, iteration: int) -> tuple[list[Rollout], list[Example]]:
        """The samples of a round, and the training examples of it and of the reused earlier rounds.

        Args:
            iteration: number of the round, from 0.
        """
        rollouts = self.files.read(iteration)
        if rollouts is None:
            rollouts = self._carrying(self._sample(iteration), iteration)
            self.files.write(iteration, rollouts)
        earlier = [self.files.read(each) for each in range(max(0, iteration - self.recipe.history), iteration)]
        every = [*(rollout for part in earlier for rollout in part or []), *rollouts]
        return rollouts, build_examples(every, self.pairing, self.wanted)

    def _sample(self, iteration: int) -> list[Rollout]:
        recipe = self.recipe
        sampling = Sampling(recipe.samples_per_prompt, recipe.max_new_tokens, recipe.temperature, recipe.top_p)
        prompts = prompts_of_round(self.records, recipe.prompts_per_iteration, recipe.seed, iteration)
        seed = recipe.seed * 1_000_003 + (iteration + 1) * 10_007
        rollouts = self.sampler.sample(prompts, sampling, seed=seed, advance=self.advance)
        if self.pairing.greedy:
            rollouts = self._with_greedy(rollouts, prompts, seed)
        if self.pairing.reads:
            rollouts = with_token_facts(
                rollouts, self.scorer, self.reference, self.objective, self.pairing.reads, recipe.precision
            )
        elif self._reuses(len(rollouts)):
            rollouts = with_old_logps(rollouts, self.scorer, recipe.precision)
        return rollouts

    def _with_greedy(self, rollouts: Sequence[Rollout], prompts: Sequence[Record], seed: int) -> list[Rollout]:
        """The rollouts with the score of the response that greedy decoding gives; None where it has none."""
        sampling = Sampling(1, self.recipe.max_new_tokens, 0.0)
        likely = self.sampler.sample(prompts, sampling, seed=seed, advance=self.advance)
        known = [each.scores[0] if each.scored else None for each in likely]
        return [replace(each, baseline=score) for each, score in zip(rollouts, known, strict=True)]

    def _carrying(self, rollouts: list[Rollout], iteration: int) -> list[Rollout]:
        """The rollouts with what the pairing carries on from the round before."""
        carried = self.pairing.carry(self.files.read(iteration - 1) if iteration else None)
        return [replace(each, carried=carried) for each in rollouts] if carried else rollouts

    def _reuses(self, prompts: int) -> bool:
        """Whether samples are reused after the policy has changed, which needs their old log-probabilities."""
        recipe = self.recipe
        once = recipe.epochs * prompts <= recipe.batch_size and recipe.max_steps in (None, 1)
        return "old_policy" in self.wanted.fields and not (once and recipe.tokens_per_batch is None)


def prompts_of_round(records: Sequence[Record], count: int, seed: int, iteration: int) -> list[Record]:
    """The prompts of a round: consecutive parts of the data, which is reshuffled in each pass.

    Args:
        records: the data.
        count: prompts per round; all of them if there are fewer.
        seed: of the shuffling.
        iteration: number of the round, from 0.

    Example:
        >>> rounds = [prompts_of_round("abcd", 2, seed=0, iteration=each) for each in range(2)]
        >>> sorted(rounds[0] + rounds[1])
        ['a', 'b', 'c', 'd']
    """
    count = min(count, len(records))
    chosen = []
    for place in range(iteration * count, (iteration + 1) * count):
        epoch, position = divmod(place, len(records))
        chosen.append(records[int(_order(len(records), seed, epoch)[position])])
    return chosen


def _order(size: int, seed: int, epoch: int) -> Any:
    return np.random.default_rng([seed, epoch, 2]).permutation(size)


def teaches(examples: Sequence[Example]) -> bool:
    """Whether any example has a gradient: groups of equal rewards have none, unless a critic learns from them."""
    return any("advantage" not in each.fields or "returns" in each.fields or _moves(each) for each in examples)


def _moves(example: Example) -> bool:
    """Whether any of its responses, or of their tokens, has an advantage."""
    values: Any = example.fields["advantage"]
    return any(any(each) if isinstance(each, list) else each for each in values)


def describe(rollouts: Sequence[Rollout], examples: Sequence[Example]) -> dict[str, float]:
    """Metrics of a round's samples: mean length in tokens, share with an end token, number of examples, mean reward."""
    scores = [each.scores[place] for each in rollouts for place in each.scored]
    given = [response for each in rollouts for response in each.responses]
    numbers = {
        "sampled/length": sum(each.length for each in given) / len(given),
        "sampled/finished": sum(each.finished for each in given) / len(given),
        "sampled/examples": float(len(examples)),
    }
    return numbers | ({"sampled/reward": sum(scores) / len(scores)} if scores else {})
