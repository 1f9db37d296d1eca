"""Sampled responses of checkpoints, judged against those of their reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from penchant.errors import ConfigurationError
from penchant.evaluation.policies.checkpoints import Checkpoint
from penchant.evaluation.wins.win_rate import WinRate, win_rate
from penchant.feedback.records import Record
from penchant.generation.responses import Sampling
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood.loading import load_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared_all, scored_all

__all__ = ["Judged", "judge_pairs", "judged_checkpoints", "sampled"]

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
    """

    name: str
    wins: WinRate | None
    unread: int
    score: float | None
    reference_score: float | None
    length: float
    reference_length: float

    @property
    def metrics(self) -> dict[str, float]:
        """``judge/win_rate`` in [0, 1] and its interval, ``judge/score``, ``judge/length`` (characters)."""
        found = {"judge/length": self.length, "judge/reference_length": self.reference_length}
        if self.wins is not None:
            between = self.wins.interval
            found |= {"judge/win_rate": self.wins.rate / 100, "judge/win_rate/low": between.low / 100}
            found["judge/win_rate/high"] = between.high / 100
        if self.score is not None and self.reference_score is not None:
            found |= {"judge/score": self.score, "judge/reference_score": self.reference_score}
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), **self.metrics}


def sampled(
    model: str,
    records: Sequence[Record],
    sampling: Sampling,
    *,
    chat_template: str | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> list[str]:
    """One response of a model to the prompt of each record.

    Args:
        model: folder or hub id.
        records: hold the prompts.
        sampling: how responses are sampled.
        chat_template: None for the tokenizer's own.
        seed: the same for all models, so that only the model differs.
        device: where the model runs.

    Raises:
        ModelError: the model cannot be loaded.
    """
    network = load_model(model).to(device)
    limit = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    longest = None if limit is None else max(1, limit - sampling.max_new_tokens)
    engine = TransformersEngine(Renderer(load_tokenizer(model), chat_template=chat_template), longest)
    engine.use(network)
    responses = engine.sample([record.prompt for record in records], sampling, seed=seed)
    return [several[0].text for several in responses]


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
    say: Say = lambda _: None,
) -> list[Judged]:
    """Sample responses of every checkpoint and of the reference to the same prompts, and judge them.

    Args:
        checkpoints: the models.
        reference: the model that they are compared with.
        records: hold the prompts, and what the judge reads.
        judge: scores or compares responses.
        sampling: how responses are sampled.
        chat_template: None for the tokenizer's own.
        seed: of sampling and bootstrap.
        device: where models run.
        say: hears what is being done.
    """
    how: Any = {"chat_template": chat_template, "seed": seed, "device": device}
    say(f"Sampling {len(records)} responses of the reference {reference}")
    theirs = sampled(reference, records, sampling, **how)
    found = []
    for each in checkpoints:
        say(f"Sampling and judging {each.name}")
        ours = sampled(each.model, records, sampling, **how)
        found.append(judge_pairs(each.name, judge, records, ours, theirs, seed=seed))
    return found


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
