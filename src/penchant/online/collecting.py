"""`Collector`: draws prompts, samples and judges responses, stores them, and builds the examples of a round."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from penchant.feedback.records import Record, Source
from penchant.forest.example import Example
from penchant.generation.responses import Sampling
from penchant.likelihood.references import Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Requirements
from penchant.online.ahead import Ahead
from penchant.online.describing import describe
from penchant.online.node_logps import with_node_logps
from penchant.online.on_policy import is_policy_gradient
from penchant.online.pairing import Pairing, build_examples
from penchant.online.process_rewards.process_reward import ProcessReward
from penchant.online.recipe import OnlineRecipe
from penchant.online.reward_kl import coefficient_after, less_divergence
from penchant.online.rollout_maker import Advance, RolloutMaker
from penchant.online.rollouts import Rollout
from penchant.online.round_files import DRAWN, RoundFiles
from penchant.online.samplers.search.hardest import perplexities
from penchant.online.sharing import Sharing, alone
from penchant.online.staleness import with_weights
from penchant.online.token_facts import with_token_facts
from penchant.online.token_logps import agreement, divergences
from penchant.training.devices.agreement import agreed, is_first

__all__ = ["Collector", "prompts_of_round", "teaches"]

log = logging.getLogger("penchant")

#: Has responses to prompts sampled and judged: `RolloutMaker.sample` with version and processes filled in.
Sample = Callable[..., list[Rollout]]

# Responses of a round of which the engine is asked for log-probabilities, to compare them with the trainer's.
TRACED = 8


@dataclass
class Collector:
    """Collects the examples of a round.

    Args:
        recipe: number of samples, and how to sample.
        records: the prompts to draw from.
        maker: has responses sampled and judged.
        scorer: the policy.
        reference: of the policy; for a divergence in the reward.
        pairing: selects the responses of each example.
        wanted: requirements of the objective.
        files: store the samples of each round.
        advance: called after each call of the engine; may raise to stop the run.
        send: sends the policy's weights to the engine before a round is sampled.
        objective: the objective, for its critic.
        process: rewards the steps of responses.
    """

    recipe: OnlineRecipe
    records: Sequence[Record]
    maker: RolloutMaker
    scorer: Scorer
    reference: Reference[Any, Any]
    pairing: Pairing
    wanted: Requirements
    files: RoundFiles
    advance: Callable[[int], None]
    send: Callable[[int], None]
    objective: Objective
    process: ProcessReward

    def __post_init__(self) -> None:
        self.ahead = Ahead(partial(self._draw, sharing=alone), self.files)
        self.sent: int | None = None

    def collect(self, iteration: int) -> tuple[list[Rollout], list[Example]]:
        """The samples of a round, and the training examples of it and of the reused earlier rounds.

        Args:
            iteration: number of the round, from 0.
        """
        rollouts = self.files.read(iteration)
        if rollouts is None:
            # What processes compute alike may differ in the last bit; all train on what the first one has.
            rollouts = agreed(self._carrying(self._sample(iteration), iteration))
            self.files.write(iteration, rollouts)
        self.maker.remember(rollouts)
        earlier = [self.files.read(each) for each in range(max(0, iteration - self.recipe.history), iteration)]
        every = [*(rollout for part in earlier for rollout in part or []), *rollouts]
        return rollouts, build_examples([each for each in every if each.used], self.pairing, self.wanted)

    def describe(self, rollouts: Sequence[Rollout], examples: Sequence[Example]) -> dict[str, float]:
        """Metrics of a round before training on it; a warning where generator and trainer disagree.

        Args:
            rollouts: the samples of the round.
            examples: its training examples.
        """
        numbers = describe(rollouts, examples) | agreement(rollouts, self.scorer, self.recipe.precision)
        # Those of a round that was drawn ahead are of the weights before.
        if not self.recipe.overlap and numbers.get("sampled/logp_gap", 0.0) > self.recipe.logp_alarm:
            log.warning(
                "The log-probabilities of generator and trainer differ by %.3g nats per token on average, more than "
                "logp_alarm = %.3g: the samples are not drawn from the policy that is trained.",
                numbers["sampled/logp_gap"],
                self.recipe.logp_alarm,
            )
        return numbers

    def begin_next(self, iteration: int) -> None:
        """Have the next round drawn by the weights of now, while this one trains, if the recipe says so.

        Args:
            iteration: number of this round, from 0.
        """
        following = iteration + 1
        if not self.recipe.overlap or following >= self.recipe.iterations or not is_first():
            return
        if self.files.read_here(following) is None and self.files.read_here(following, DRAWN) is None:
            self._send(iteration)
            self.ahead.begin(following, iteration)

    def settle(self, iteration: int) -> None:
        """Before the state of a run is saved: wait until a round that is being drawn is on disk.

        Args:
            iteration: number of that round, from 0.
        """
        if is_first():
            self.ahead.settle(iteration)

    def close(self) -> None:
        """Give up a round that is still being drawn."""
        self.ahead.close()

    def _send(self, version: int) -> None:
        """Send the weights to the engine, unless it has them."""
        if is_first() and self.sent != version:
            self.send(version)
            self.sent = version

    def _sample(self, iteration: int) -> list[Rollout]:
        recipe = self.recipe
        if recipe.overlap and agreed(self.ahead.thread is not None or self._was_drawn(iteration)):
            rollouts = agreed(self.ahead.take(iteration) if is_first() else None)
            assert rollouts is not None
        else:
            self._send(iteration)
            rollouts = self._draw(iteration, iteration, self.advance)
        reads = self.pairing.reads
        if self.maker.sampler.own_contexts:
            if self._reuses(sum(len(each.grown) for each in rollouts)):
                rollouts = with_node_logps(rollouts, self.scorer, recipe.precision)
        elif reads or self._reuses(len(rollouts)):
            rollouts = with_token_facts(rollouts, self.scorer, recipe.precision, reads, self.reference, self.objective)
        if recipe.staleness != "refuse" and "advantage" in self.wanted.fields:
            rollouts = with_weights(rollouts, recipe.staleness, recipe.staleness_cap)
        rollouts = self.process.judged(rollouts)
        return rollouts if recipe.reward_kl == 0 else self._with_divergence(rollouts, iteration)

    def _with_divergence(self, rollouts: list[Rollout], iteration: int) -> list[Rollout]:
        """The rollouts with the divergence from the reference taken off their rewards."""
        recipe = self.recipe
        before = self.files.read(iteration - 1) if iteration and recipe.reward_kl_target is not None else None
        rate = recipe.reward_kl
        if before:
            assert recipe.reward_kl_target is not None
            rate = coefficient_after(before, recipe.reward_kl_target, recipe.reward_kl_horizon)
        return less_divergence(rollouts, divergences(rollouts, self.scorer, self.reference, recipe.precision), rate)

    def _was_drawn(self, iteration: int) -> bool:
        """Whether the samples of a round have been drawn while the round before was trained."""
        return is_first() and self.files.read_here(iteration, DRAWN) is not None

    def _draw(self, iteration: int, version: int, advance: Advance, sharing: Sharing | None = None) -> list[Rollout]:
        """Sampled and judged prompts of a round, with replacements of groups without differences."""
        engine = self.maker.engine
        call = partial(
            self.maker.sample,
            version=version if engine.follows_policy or engine.updated else 0,
            finished=iteration,
            advance=advance,
            sharing=sharing,
        )
        rollouts = self._drawn(iteration, 0, (), call)
        for again in range(1, self.recipe.resample + 1):
            lacking = sum(each.uniform for each in rollouts) - sum(not each.used for each in rollouts)
            if lacking == 0:
                break
            seen = [each.source for each in rollouts]
            rollouts = self._replaced(rollouts, self._drawn(iteration, again, seen, call, lacking))
        return rollouts

    def _drawn(
        self, iteration: int, again: int, seen: Sequence[Source], sample: Sample, count: int | None = None
    ) -> list[Rollout]:
        """Sampled and judged prompts of a round; ``again`` counts the replacements of groups without differences."""
        recipe = self.recipe
        sampling = Sampling(
            recipe.samples_per_prompt,
            recipe.max_new_tokens,
            recipe.temperature,
            recipe.top_p,
            stop=tuple(recipe.stop),
            traced=TRACED if is_policy_gradient(self.wanted) else 0,
        )
        order = recipe.seed + 7919 * again
        prompts = prompts_of_round(self.records, recipe.prompts_per_iteration, order, iteration)
        prompts = [each for each in prompts if each.source not in seen][:count]
        prompts = self.maker.sampler.select(prompts, self._perplexities)
        seed = recipe.seed * 1_000_003 + (iteration + 1) * 10_007 + again * 101
        found = sample(prompts, sampling, seed=seed)
        return self._with_greedy(found, prompts, seed, sample) if self.pairing.greedy else found

    def _perplexities(self, records: Sequence[Record]) -> list[float]:
        return perplexities(records, self.maker.engine, self.scorer, self.recipe.precision)

    def _replaced(self, rollouts: list[Rollout], fresh: list[Rollout]) -> list[Rollout]:
        """The rollouts with as many fresh ones as say something in the place of groups without differences."""
        better = [each for each in fresh if not each.uniform]
        left = len(better)
        kept = []
        for each in rollouts:
            replaced = each.used and each.uniform and left > 0
            left -= replaced
            kept.append(replace(each, used=False) if replaced else each)
        return [*kept, *better, *(replace(each, used=False) for each in fresh if each.uniform)]

    def _with_greedy(
        self, rollouts: Sequence[Rollout], prompts: Sequence[Record], seed: int, sample: Sample
    ) -> list[Rollout]:
        """The rollouts with the score of the response that greedy decoding gives; None where it has none."""
        sampling = Sampling(1, self.recipe.max_new_tokens, 0.0, stop=tuple(self.recipe.stop))
        likely = sample(prompts, sampling, seed=seed)
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
        stale = recipe.staleness != "refuse"
        return "old_policy" in self.wanted.fields and (stale or not (once and recipe.tokens_per_batch is None))


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
    return any(
        "advantage" not in each.fields or "returns" in each.fields or _any(each.fields["advantage"])
        for each in examples
    )


def _any(values: Any) -> bool:
    """Whether any number of nested lists is not 0."""
    return any(map(_any, values)) if isinstance(values, list | tuple) else bool(values)
