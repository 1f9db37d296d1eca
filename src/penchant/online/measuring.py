"""Measurement of the policy on held-out prompts: sampled responses, their scores, and a mean with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from penchant.feedback.records import Record, as_text
from penchant.generation.responses import Sampling
from penchant.online.samplers.sampler import Drawn, Means, Sampler
from penchant.rewards.judge import Judge
from penchant.rewards.scores import scored_samples
from penchant.statistics import Interval, mean_interval, share_interval

__all__ = ["Measured", "measure"]


@dataclass(frozen=True)
class Measured:
    """The judged quality of the policy on held-out prompts.

    Args:
        name: ``accuracy`` if the judge scores right and wrong, else ``reward``.
        value: the mean; ``low`` and ``high`` its 95 % interval.
        texts: the first response to each prompt, and ``scores`` the mean score of each prompt's responses.
        length: mean tokens of a response; ``finished`` the share that reached an end token.
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
        """The metrics under the names that reports use."""
        return {
            self.name: self.value,
            f"{self.name}/low": self.low,
            f"{self.name}/high": self.high,
            "responses/length": self.length,
            "responses/finished": self.finished,
        }

    def to_json(self) -> dict[str, Any]:
        """The measurement as plain lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Measured:
        """The inverse of `to_json`."""
        return cls(**{**plain, "texts": tuple(plain["texts"]), "scores": tuple(plain["scores"])})


def measure(
    sampler: Sampler, means: Means, records: Sequence[Record], sampling: Sampling, *, seed: int, chunk: int = 64
) -> Measured | None:
    """Sample responses to held-out prompts and judge them, without reward shaping.

    Args:
        sampler: has the responses drawn.
        means: with the engine that generates them, and the judge that scores them.
        records: the held-out prompts.
        sampling: number of responses per prompt, and how to sample.
        seed: the same before and after training, so that only the policy differs.
        chunk: prompts per call of the engine.

    Returns:
        The measurement, or None if no response could be scored.
    """
    judge = means.judge
    assert judge is not None
    given: list[Drawn] = []
    for start in range(0, len(records), chunk):
        given += sampler.heldout(records[start : start + chunk], means, sampling, seed=seed + start)
    scores = _mean_scores(judge, records, given)
    if not scores:
        return None
    found = _interval(scores, shares=judge.verifies and sampling.samples == 1)
    if judge.verifies and all(0 <= each <= 1 for each in scores):
        found = found.within(0.0, 1.0)  # a mean of shares
    every = [one for drawn in given for one in drawn.responses]
    return Measured(
        name="accuracy" if judge.verifies else "reward",
        value=found.value,
        low=found.low,
        high=found.high,
        texts=tuple(as_text(drawn.responses[0].text) for drawn in given),
        scores=tuple(scores),
        length=sum(one.length for one in every) / len(every),
        finished=sum(one.finished for one in every) / len(every),
    )


def _mean_scores(judge: Judge, records: Sequence[Record], given: Sequence[Drawn]) -> list[float]:
    """The mean score of each prompt's responses, without prompts that have no scored response."""
    scores = []
    for record, drawn in zip(records, given, strict=True):
        found = scored_samples(judge, record, drawn.responses)[0] if drawn.scores is None else drawn.scores
        known = [each for each in found if not math.isnan(each)]
        if known:
            scores.append(sum(known) / len(known))
    return scores


def _interval(scores: Sequence[float], *, shares: bool) -> Interval:
    """The mean score with its interval, which has no width for a single prompt."""
    if shares:
        return share_interval(fmean(scores), len(scores))
    return mean_interval(scores) if len(scores) > 1 else Interval.around(scores[0], 0.0)
