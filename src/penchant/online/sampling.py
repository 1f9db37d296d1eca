"""`Sampler`: samples and judges responses to prompts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from penchant.feedback.records import Record
from penchant.generation.engines import Engine
from penchant.generation.responses import Response, Sampling
from penchant.objectives.functional.advantages import overlong_penalty
from penchant.online.roll_in import given_response, rolled_in
from penchant.online.rollouts import Rollout
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared, scored_samples

__all__ = ["Sampler"]

Advance = Callable[[int], None]


@dataclass
class Sampler:
    """Samples responses and judges them.

    Args:
        engine: generates the responses.
        judge: scores them, or None.
        compares: whether the judge also gives preference probabilities.
        unfinished_penalty: subtracted from the reward of a response without an end token.
        roll_in: share of the samples that begin with tokens of the record's own response.
        overlong_buffer: number of tokens before the limit over which a penalty grows to 1; 0 for none.
    """

    engine: Engine
    judge: Judge | None
    compares: bool = False
    unfinished_penalty: float = 0.0
    overlong_buffer: int = 0
    roll_in: float = 0.0

    def sample(
        self,
        records: Sequence[Record],
        sampling: Sampling,
        *,
        seed: int,
        version: int = 0,
        advance: Advance | None = None,
    ) -> list[Rollout]:
        """Sample one rollout for each record, in order.

        Args:
            records: prompts, with or without demonstrations.
            sampling: number of responses, and how to sample.
            seed: of the sampling.
            version: of the weights, see `Rollout`.
            advance: called with the number of prompts done.
        """
        rollouts: list[Rollout] = []
        chunk = max(1, self.engine.at_once // sampling.samples)
        for start in range(0, len(records), chunk):
            part = records[start : start + chunk]
            asked = replace(sampling, traced=max(0, sampling.traced - start * sampling.samples))
            if self.roll_in and sampling.temperature > 0:
                answers = rolled_in(self.engine, part, asked, self.roll_in, seed=seed + start)
            else:
                answers = self.engine.sample([each.prompt for each in part], asked, seed=seed + start)
            settings = self._settings(sampling, seed + start)
            rollouts += [
                replace(self._judged(record, given, sampling), version=version, settings=settings)
                for record, given in zip(part, answers, strict=True)
            ]
            if advance is not None:
                advance(len(rollouts))
        return rollouts

    def _settings(self, sampling: Sampling, seed: int) -> dict[str, Any]:
        """Everything that decides how responses are sampled."""
        given = {name: value for name, value in asdict(sampling).items() if name != "traced"}
        engine = {"name": self.engine.id, **self.engine.settings}
        return {**given, "stop": list(sampling.stop), "seed": seed, "engine": engine}

    def _judged(self, record: Record, given: Sequence[Response], sampling: Sampling) -> Rollout:
        texts = [each.text for each in given]
        scores, table = [math.nan] * len(given), torch.zeros(0, 0)
        parts: dict[str, list[float]] = {}
        if self.judge is not None:
            scores, parts = scored_samples(self.judge, record, given)
            scores = self._shaped(scores, given, sampling.max_new_tokens)
            if self.compares:
                table = compared(self.judge, record, texts)
        said = given_response(record)
        shown = None if said is None else self.engine.response_tokens(record.prompt, said)
        return Rollout(
            source=record.source,
            prompt=record.prompt,
            prompt_ids=tuple(self.engine.prompt_ids(record.prompt)),
            responses=tuple(given),
            scores=tuple(scores),
            demonstration=() if shown is None else tuple(shown.ids),
            probabilities=tuple(map(tuple, table.tolist())),
            demonstration_learned=None if shown is None else shown.learned,
            parts={name: tuple(own) for name, own in parts.items()},
        )

    def _shaped(self, scores: Sequence[float], given: Sequence[Response], limit: int) -> list[float]:
        """Rewards: the scores minus the penalties for a missing end token and for length."""
        lost = [0.0 if each.finished else self.unfinished_penalty for each in given]
        if self.overlong_buffer:
            lengths = torch.tensor([each.length for each in given])
            penalties = overlong_penalty(lengths, limit=limit, buffer=self.overlong_buffer).tolist()
            lost = [each - penalty for each, penalty in zip(lost, penalties, strict=True)]
        return [score - each for score, each in zip(scores, lost, strict=True)]
