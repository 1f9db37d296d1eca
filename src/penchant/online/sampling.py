"""Sampling and judging: from prompts to rollouts, and from held-out prompts to a figure with an interval."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from penchant.evaluation.intervals import mean_with_interval, share_with_interval
from penchant.feedback.records import Comparison, Demonstration, Record, as_text
from penchant.forest.batching import plan_batches
from penchant.forest.layout import TokenSequence
from penchant.generation.responses import Engine, Response, Sampling
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.logps import response_logps
from penchant.objectives.functional.advantages import overlong_penalty
from penchant.online.rollouts import Rollout
from penchant.rendering.rendering import Renderer
from penchant.rewards.judge import Judge

__all__ = ["Measured", "Sampler", "measure", "with_old_logps"]

Advance = Callable[[int], None]


@dataclass
class Sampler:
    """Draws responses and has them judged.

    Args:
        engine: where responses come from.
        judge: who scores them, or None.
        renderer: of the run.
        compares: whether the judge is asked for probabilities of preference too.
        chunk: prompts a call of the engine.
        unfinished_penalty: taken from the reward of a response without an end.
        overlong_buffer: last tokens before the limit over which a penalty grows to 1; 0 for none.
    """

    engine: Engine
    judge: Judge | None
    renderer: Renderer
    compares: bool = False
    chunk: int = 32
    unfinished_penalty: float = 0.0
    overlong_buffer: int = 0

    def sample(
        self, records: Sequence[Record], sampling: Sampling, *, seed: int, advance: Advance | None = None
    ) -> list[Rollout]:
        """One rollout a record, in order.

        Args:
            records: prompts, with or without demonstrations.
            sampling: how many responses, and how.
            seed: of the sampling.
            advance: called with the number of prompts done.
        """
        rollouts: list[Rollout] = []
        for start in range(0, len(records), self.chunk):
            part = records[start : start + self.chunk]
            answers = self.engine.sample([each.prompt for each in part], sampling, seed=seed + start)
            rollouts += [self._judged(record, given, sampling) for record, given in zip(part, answers, strict=True)]
            if advance is not None:
                advance(len(rollouts))
        return rollouts

    def _judged(self, record: Record, given: Sequence[Response], sampling: Sampling) -> Rollout:
        texts = [each.text for each in given]
        scores, table = [math.nan] * len(given), torch.zeros(0, 0)
        if self.judge is not None:
            scores = self._shaped(self.judge.score(record.prompt, texts), given, sampling.max_new_tokens)
            if self.compares:
                table = self.judge.compare(record.prompt, texts)
        shown = _demonstration(record)
        return Rollout(
            source=record.source,
            prompt=record.prompt,
            prompt_ids=tuple(self.engine.prompt_ids(record.prompt)),
            responses=tuple(given),
            scores=tuple(scores),
            demonstration=() if shown is None else tuple(self.renderer.response_ids(record.prompt, shown)),
            probabilities=tuple(map(tuple, table.tolist())),
        )

    def _shaped(self, scores: Sequence[float], given: Sequence[Response], limit: int) -> list[float]:
        lost = [0.0 if each.finished else self.unfinished_penalty for each in given]
        if self.overlong_buffer:
            lengths = torch.tensor([len(each.ids) for each in given])
            penalties = overlong_penalty(lengths, limit=limit, buffer=self.overlong_buffer).tolist()
            lost = [each - penalty for each, penalty in zip(lost, penalties, strict=True)]
        return [score - each for score, each in zip(scores, lost, strict=True)]


def _demonstration(record: Record) -> Any:
    if isinstance(record, Comparison):
        return record.chosen
    return record.completion if isinstance(record, Demonstration) else None


def with_old_logps(rollouts: Sequence[Rollout], scorer: ForestScorer, *, tokens: int = 8192) -> list[Rollout]:
    """The rollouts with the log-probability of every sampled token under the policy as it is now.

    Args:
        rollouts: what was sampled.
        scorer: the policy.
        tokens: tokens a forward pass.
    """
    sizes = [len(each.prompt_ids) + sum(len(answer.ids) for answer in each.responses) for each in rollouts]
    plan = plan_batches(sizes, tokens_per_batch=tokens, shuffle=False)
    filled: list[Rollout] = []
    for step in plan.steps:
        members = [rollouts[place] for place in step]
        sequences = [TokenSequence(each.prompt_ids, answer.ids) for each in members for answer in each.responses]
        rows = iter([tuple(row.tolist()) for row in response_logps(scorer, sequences)])
        filled += [replace(each, old_logps=tuple(next(rows) for _ in each.responses)) for each in members]
    return filled


@dataclass(frozen=True)
class Measured:
    """How good the policy is on held-out prompts.

    Args:
        name: ``accuracy`` where the judge knows right from wrong, else ``reward``.
        value: the mean; ``low`` and ``high`` its 95 % interval.
        texts: the first response to each prompt, and ``scores`` the mean score of each prompt's responses.
        length: mean tokens of a response; ``finished`` the share that ended by itself.
    """

    name: str
    value: float
    low: float
    high: float
    texts: tuple[str, ...]
    scores: tuple[float, ...]
    length: float
    finished: float

    @property
    def numbers(self) -> dict[str, float]:
        """As metrics, under the names by which reports know them."""
        return {
            self.name: self.value,
            f"{self.name}/low": self.low,
            f"{self.name}/high": self.high,
            "responses/length": self.length,
            "responses/finished": self.finished,
        }

    def to_json(self) -> dict[str, Any]:
        """As plain lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Measured:
        """What `to_json` described."""
        return cls(**{**plain, "texts": tuple(plain["texts"]), "scores": tuple(plain["scores"])})


def measure(
    engine: Engine, judge: Judge, records: Sequence[Record], sampling: Sampling, *, seed: int, chunk: int = 64
) -> Measured | None:
    """Sample responses to held-out prompts and have them judged, without any shaping of the reward.

    Args:
        engine: where responses come from.
        judge: who scores them.
        records: the held-out prompts.
        sampling: how many responses to each, and how.
        seed: the same before and after, so that differences are the policy's.
        chunk: prompts a call of the engine.

    Returns:
        The figure, or None where no response could be scored.
    """
    given: list[list[Response]] = []
    for start in range(0, len(records), chunk):
        part = [each.prompt for each in records[start : start + chunk]]
        given += engine.sample(part, sampling, seed=seed + start)
    scores = []
    for record, answers in zip(records, given, strict=True):
        known = [each for each in judge.score(record.prompt, [one.text for one in answers]) if not math.isnan(each)]
        with contextlib.suppress(ZeroDivisionError):
            scores.append(sum(known) / len(known))
    if not scores:
        return None
    shares = judge.verifies and sampling.samples == 1
    value, low, high = share_with_interval(scores) if shares else mean_with_interval(scores)
    every = [one for answers in given for one in answers]
    return Measured(
        name="accuracy" if judge.verifies else "reward",
        value=value,
        low=low,
        high=high,
        texts=tuple(as_text(answers[0].text) for answers in given),
        scores=tuple(scores),
        length=sum(len(one.ids) for one in every) / len(every),
        finished=sum(one.finished for one in every) / len(every),
    )
