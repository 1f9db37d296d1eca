"""`Sampler`: samples and judges responses to prompts, and computes their old log-probabilities."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from penchant.feedback.records import Comparison, Demonstration, Record, Source, Text
from penchant.forest.batching import plan_batches
from penchant.forest.build import by_prompt
from penchant.forest.example import Example
from penchant.forest.layout import TokenSequence
from penchant.generation.engines import Engine
from penchant.generation.responses import Response, Sampling
from penchant.likelihood.references import NoReference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.requirements import Needs
from penchant.objectives.functional.advantages import overlong_penalty
from penchant.online.asking import Asking, Prompt
from penchant.online.opponents import POLICY, Models, NoOpponent, Opponent
from penchant.online.pairing import Pairing
from penchant.online.rollouts import Rollout
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared, scored

__all__ = ["Sampler", "with_old_logps"]

Advance = Callable[[int], None]
#: Probabilities that one response beats another, [K][K].
Table = list[tuple[float, ...]]
# Added to the seed of the policy's samples for those of its opponent.
OPPONENTS_SEED = 500_009


def _no_model(name: str) -> None:
    """Without opponents there is no other model."""


def _mean(chances: Sequence[float]) -> float:
    known = [each for each in chances if not math.isnan(each)]
    return sum(known) / len(known) if known else math.nan


@dataclass
class Sampler:
    """Samples responses and judges them.

    Args:
        engine: generates the responses.
        judge: scores them, or None.
        compares: whether the judge also gives preference probabilities.
        unfinished_penalty: subtracted from the reward of a response without an end token.
        overlong_buffer: number of tokens before the limit over which a penalty grows to 1; 0 for none.
        asking: what the policy reads.
        opponent: who else answers.
        models: finds the checkpoints that an opponent samples from.
        policy: the model in training, which goes back to the engine after the opponent.
        pairing: says which responses the judge compares, and whether it scores them as a round ago too.
    """

    engine: Engine
    judge: Judge | None
    compares: bool = False
    unfinished_penalty: float = 0.0
    overlong_buffer: int = 0
    asking: Asking = field(default_factory=Prompt)
    opponent: Opponent = field(default_factory=NoOpponent)
    models: Models = _no_model
    policy: Any = None
    pairing: Pairing | None = None

    def sample(
        self, records: Sequence[Record], sampling: Sampling, *, seed: int, advance: Advance | None = None
    ) -> list[Rollout]:
        """Sample one rollout for each record, in order.

        Args:
            records: prompts, with or without demonstrations.
            sampling: number of responses, and how to sample.
            seed: of the sampling.
            advance: called with the number of prompts done.
        """
        rollouts: list[Rollout] = []
        chunk = max(1, self.engine.at_once // sampling.samples)
        for start in range(0, len(records), chunk):
            part = records[start : start + chunk]
            answers = self.engine.sample([self.asking.question(each) for each in part], sampling, seed=seed + start)
            further = self.opponent.answers(
                part, self.engine, self.models, self.policy, sampling, seed=seed + start + OPPONENTS_SEED
            )
            rollouts += [
                self._judged(record, [*given, *more], sampling, len(given))
                for record, given, more in zip(part, answers, further, strict=True)
            ]
            if advance is not None:
                advance(len(rollouts))
        return rollouts

    def _judged(self, record: Record, given: Sequence[Response], sampling: Sampling, own: int) -> Rollout:
        texts = [each.text for each in given]
        scores, table, earlier = [math.nan] * len(given), Table(), []
        if self.judge is not None:
            table = self._compared(record, texts) if self.compares else table
            if table and not self.judge.gives_scores:  # what has been compared is not asked again
                scores = [_mean(row) for row in table]
            else:
                scores = self._shaped(scored(self.judge, record, texts), given, sampling.max_new_tokens)
            if self.pairing is not None and self.pairing.rescored:
                earlier = self.judge.score_earlier(record.prompt, texts)
        said = _demonstration(record)
        shown = None if said is None else self.engine.response_tokens(record.prompt, said)
        return Rollout(
            source=record.source,
            prompt=record.prompt,
            prompt_ids=tuple(self.engine.prompt_ids(record.prompt)),
            responses=tuple(given),
            scores=tuple(scores),
            demonstration=() if shown is None else tuple(shown.ids),
            probabilities=tuple(table),
            drawn_by=() if own == len(given) else (*(POLICY,) * own, *(self.opponent.id,) * (len(given) - own)),
            earlier_scores=tuple(earlier),
            demonstration_learned=None if shown is None else shown.learned,
        )

    def _compared(self, record: Record, texts: Sequence[str]) -> Table:
        """The comparisons that the pairing needs, [K][K]; all of them if it does not say."""
        judge = self.judge
        assert judge is not None

        def beats(first: int, second: int) -> float:
            return float(compared(judge, record, [texts[first], texts[second]])[0, 1])

        asked = None if self.pairing is None else self.pairing.ask(len(texts), beats)
        return [tuple(row) for row in compared(judge, record, texts).tolist()] if asked is None else asked

    def _shaped(self, scores: Sequence[float], given: Sequence[Response], limit: int) -> list[float]:
        """Rewards: the scores minus the penalties for a missing end token and for length."""
        lost = [0.0 if each.finished else self.unfinished_penalty for each in given]
        if self.overlong_buffer:
            lengths = torch.tensor([each.length for each in given])
            penalties = overlong_penalty(lengths, limit=limit, buffer=self.overlong_buffer).tolist()
            lost = [each - penalty for each, penalty in zip(lost, penalties, strict=True)]
        return [score - each for score, each in zip(scores, lost, strict=True)]


def _demonstration(record: Record) -> Text | None:
    if isinstance(record, Comparison):
        return record.chosen
    return record.completion if isinstance(record, Demonstration) else None


def with_old_logps(rollouts: Sequence[Rollout], scorer: Scorer, precision: str | None = None) -> list[Rollout]:
    """The rollouts with the log-probability of every sampled token under the current policy.

    Args:
        rollouts: the samples.
        scorer: the policy.
        precision: number type of the forward pass in training, so that ratios start at one.
    """
    sizes = [len(each.prompt_ids) + sum(len(answer.ids) for answer in each.responses) for each in rollouts]
    plan = plan_batches(sizes, tokens_per_batch=scorer.measured_at_once, shuffle=False)
    filled: list[Rollout] = []
    for step in plan.steps:
        members = [rollouts[place] for place in step]
        sequences = [each.sequence(place) for each in members for place in range(len(each.responses))]
        rows = iter(_token_logps(scorer, sequences, precision))
        filled += [replace(each, old_logps=tuple(next(rows) for _ in each.responses)) for each in members]
    return filled


def _token_logps(scorer: Scorer, sequences: Sequence[TokenSequence], precision: str | None) -> list[tuple[float, ...]]:
    """The log-probabilities of each response's tokens; responses to the same prompt share its computation."""
    device = next(scorer.core.parameters()).device
    lowered = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision or "")
    autocast = contextlib.nullcontext() if lowered is None else torch.autocast(device.type, dtype=lowered)
    shared: dict[int, list[int]] = {}
    for row, prompt in enumerate(by_prompt(sequences)):
        shared.setdefault(prompt, []).append(row)
    examples = [Example({"responses": [sequences[row] for row in rows]}, {}, 1.0, Source()) for rows in shared.values()]
    with torch.no_grad(), autocast:
        scored = scorer.score_batch(scorer.collate(examples).to(device), NoReference(), Needs())["responses"]
    order = [row for rows in shared.values() for row in rows]
    found = zip(order, scored.policy.cpu(), scored.mask.cpu(), strict=True)
    return [values for _row, values in sorted((row, tuple(logps[mask].tolist())) for row, logps, mask in found)]
