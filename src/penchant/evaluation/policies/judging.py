"""Sampled responses of checkpoints, judged against those of their reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from penchant.errors import ConfigurationError
from penchant.evaluation.policies.checkpoints import Checkpoint
from penchant.evaluation.policies.policy import Drawn, Policy, divergence_of, renderers_of
from penchant.evaluation.wins.win_rate import WinRate, win_rate
from penchant.feedback.records import Record
from penchant.generation.responses import Sampling
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared_all, scored_all
from penchant.statistics import Interval

__all__ = ["Judged", "judge_pairs", "judged_checkpoints"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """What a judge says of one checkpoint.

    Args:
        name: of the checkpoint.
        wins: its win rate against the reference; None if the judge could compare nothing.
        unread: comparisons that the judge could not make.
        score: mean score of its responses; None for a judge that only compares.
        reference_score: that of the reference's.
        length: mean length of its responses, characters.
        reference_length: that of the reference's.
        divergence: KL from the reference by its own samples, nats per response; None where it is not measured. Of one
            prompt there is no interval, and its ends are NaN.
        responses: its responses, in the order of the prompts.
    """

    name: str
    wins: WinRate | None
    unread: int
    score: float | None
    reference_score: float | None
    length: float
    reference_length: float
    divergence: Interval | None = None
    responses: tuple[str, ...] = field(default=(), repr=False)

    @property
    def metrics(self) -> dict[str, float]:
        """``judge/win_rate`` and its interval, ``judge/score``, ``judge/length``, ``samples/kl``."""
        found = {"judge/length": self.length, "judge/reference_length": self.reference_length}
        if self.wins is not None:
            between = self.wins.interval
            found |= {"judge/win_rate": self.wins.rate / 100, "judge/win_rate/low": between.low / 100}
            found["judge/win_rate/high"] = between.high / 100
        if self.score is not None and self.reference_score is not None:
            found |= {"judge/score": self.score, "judge/reference_score": self.reference_score}
        if self.divergence is not None:
            apart = self.divergence
            found["samples/kl"] = apart.value
            if math.isfinite(apart.low):
                found |= {"samples/kl/low": apart.low, "samples/kl/high": apart.high}
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found = {**asdict(self), "responses": list(self.responses), **self.metrics}
        if self.divergence is not None and not math.isfinite(self.divergence.low):
            found["divergence"] = {"value": self.divergence.value, "low": None, "high": None}
        return found


@dataclass(frozen=True)
class _Answered:
    """What one checkpoint gave: its answers, and the responses by which its divergence is measured."""

    checkpoint: Checkpoint
    texts: list[str]
    drawn: Drawn | None
    vocabulary: dict[str, int]


def judged_checkpoints(
    checkpoints: Sequence[Checkpoint],
    reference: str,
    records: Sequence[Record],
    judge: Judge,
    sampling: Sampling,
    *,
    chat_template: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    divergence: bool = True,
    say: Say = lambda _: None,
) -> tuple[list[Judged], list[str]]:
    """Sample responses of every checkpoint and of the reference to the same prompts, and judge them.

    One model is in memory at a time.

    Args:
        checkpoints: the models.
        reference: the model that they are compared with.
        records: hold the prompts, and what the judge reads.
        judge: scores or compares responses.
        sampling: how responses are sampled.
        chat_template: None for the tokenizers' own, see `renderers_of`.
        seed: of sampling and bootstrap.
        device: where models run.
        divergence: whether to measure the divergence from the reference too, on further samples at temperature 1.
        say: hears what is being done.

    Returns:
        What the judge says of each, and the reference's responses.
    """
    how: Any = {"device": device, "room": sampling.max_new_tokens}
    prompts = [record.prompt for record in records]
    *renderers, of_reference = renderers_of(checkpoints, chat_template, reference)
    # What a tokenizer cannot render must not be found after the other models have answered.
    for renderer in (*renderers, of_reference):
        for prompt in prompts:
            renderer.prompt_ids(prompt)
    answered = []
    for each, renderer in zip(checkpoints, renderers, strict=True):
        say(f"Sampling {len(prompts)} responses of {each.name}")
        policy = Policy(each.model, renderer, **how)
        drawn = policy.draw(prompts, sampling.max_new_tokens, seed + 1) if divergence else None
        texts = policy.answers(prompts, sampling, seed)
        answered.append(_Answered(each, texts, drawn, policy.tokenizer.get_vocab()))
        del policy
    say(f"Sampling {len(prompts)} responses of the reference {reference}")
    base = Policy(reference, of_reference, **how)
    theirs = base.answers(prompts, sampling, seed)
    known = [_divergence(each, base, seed) for each in answered]
    del base
    found = []
    for gave, apart in zip(answered, known, strict=True):
        say(f"Judging {gave.checkpoint.name}")
        judged = judge_pairs(gave.checkpoint.name, judge, records, gave.texts, theirs, seed=seed)
        found.append(replace(judged, divergence=apart, responses=tuple(gave.texts)))
    return found, theirs


def _divergence(answered: _Answered, reference: Policy, seed: int) -> Interval | None:
    """None where it is not asked for, nothing was sampled, or the reference has another vocabulary."""
    drawn = answered.drawn
    if drawn is None or not drawn.responses or answered.vocabulary != reference.tokenizer.get_vocab():
        return None
    return divergence_of(drawn, reference, seed)


def judge_pairs(
    name: str, judge: Judge, records: Sequence[Record], ours: Sequence[str], theirs: Sequence[str], *, seed: int = 0
) -> Judged:
    """The win rate of responses over others to the same prompts.

    Args:
        name: of who gave the responses.
        judge: scores or compares them.
        records: hold the prompts.
        ours: one response a record.
        theirs: one response a record, of the reference.
        seed: of the bootstrap.

    Raises:
        ConfigurationError: there are no records.
    """
    if not records:
        raise ConfigurationError("There are no prompts to evaluate on.", fix="Give a file with prompts.")
    # A judge whose comparison follows from its scores is asked once.
    by_score = type(judge).compare is Judge.compare
    responses = [list(both) for both in zip(ours, theirs, strict=True)]
    scores = by_score or (judge.gives_scores and judge.scores_alone)
    pairs = scored_all(judge, records, responses) if scores else []
    if by_score:
        wins = [0.5 * (1 + math.tanh((own - other) / 2)) for own, other in pairs]
    else:
        wins = [float(table[0, 1]) for table in compared_all(judge, records, responses)]
    known = [each for each in wins if not math.isnan(each)]
    both = [pair for pair in pairs if not any(map(math.isnan, pair))]
    return Judged(
        name=name,
        wins=win_rate(known, seed=seed) if known else None,
        unread=len(wins) - len(known),
        score=sum(pair[0] for pair in both) / len(both) if both else None,
        reference_score=sum(pair[1] for pair in both) / len(both) if both else None,
        length=sum(map(len, ours)) / len(ours),
        reference_length=sum(map(len, theirs)) / len(theirs),
    )
