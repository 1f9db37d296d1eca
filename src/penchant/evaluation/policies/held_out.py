"""Scores of a model's folder on held-out data: likelihood, accuracy, or the mean score of a judge."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError
from penchant.evaluation.policies.checkpoints import find_checkpoint
from penchant.evaluation.policies.policy import Policy, renderers_of
from penchant.evaluation.scoring import score
from penchant.feedback.reading import read
from penchant.feedback.records import Comparison
from penchant.generation.responses import Sampling
from penchant.rewards.folders import judge_of_folder
from penchant.rewards.registry import build_judge
from penchant.rewards.scores import compared_all, scored_all

__all__ = ["Measure", "held_out_accuracy", "held_out_likelihood", "held_out_pair_likelihood", "judged_score"]


class Measure:
    """A score of models, by the name of its kind; larger is better.

    Args:
        kind: ``pair-likelihood`` (mean log-probability of the preferred side of a pair by a judge's folder, nats),
            ``likelihood`` (minus the loss: mean log-probability of a token of the preferred responses, nats),
            ``accuracy`` (share of pairs whose chosen response has the larger log-probability a token), or ``judge``
            (mean score of sampled responses).
        data: held-out file.
        judge: name and settings, for the kind ``judge``.
        reading: keyword arguments for reading the data (`penchant.feedback.read`).
        prompts: most prompts that a judge's responses are sampled for.
        max_new_tokens: of a sampled response.

    Raises:
        ConfigurationError: there is no such kind, or it lacks its judge.
    """

    def __init__(
        self,
        kind: str,
        data: str,
        judge: Mapping[str, Any] | None = None,
        reading: Mapping[str, Any] | None = None,
        prompts: int = 200,
        max_new_tokens: int = 128,
    ) -> None:
        if kind not in ("likelihood", "accuracy", "judge", "pair-likelihood"):
            raise ConfigurationError(
                f"There is no measure {kind!r}.",
                where="measure",
                fix="Expected likelihood, accuracy, judge or pair-likelihood.",
            )
        if (kind == "judge") != (judge is not None):
            raise ConfigurationError(
                "A judge and the measure judge belong together.", where="measure", fix="Give both or neither."
            )
        self.kind, self.data, self.judge, self.reading = kind, data, judge, dict(reading or {})
        self.prompts, self.max_new_tokens = prompts, max_new_tokens

    def __call__(self, folder: Path) -> float:
        """The score of the model in a folder."""
        if self.kind == "likelihood":
            return held_out_likelihood(folder, self.data, **self.reading)
        if self.kind == "pair-likelihood":
            return held_out_pair_likelihood(folder, self.data, **self.reading)
        if self.kind == "accuracy":
            return held_out_accuracy(folder, self.data, **self.reading)
        assert self.judge is not None
        return judged_score(folder, self.data, self.judge, self.prompts, self.max_new_tokens, **self.reading)


def held_out_likelihood(folder: Path, data: str, **reading: Any) -> float:
    """Mean log-probability of a token of the preferred response of each record, nats; minus the held-out loss.

    Args:
        folder: of a model.
        data: comparisons (their chosen responses), rankings (their first) or demonstrations.
        reading: see `penchant.evaluation.scoring.score`.
    """
    rows = [row["responses"][0] for row in score(str(folder), data, **reading).rows]
    return sum(each["logp"] for each in rows) / sum(each["tokens"] for each in rows)


def held_out_accuracy(folder: Path, data: str, **reading: Any) -> float:
    """Share of pairs whose chosen response has the larger mean log-probability a token; ties count half.

    Raises:
        ConfigurationError: the data are no comparisons or rankings.
    """
    found = score(str(folder), data, **reading).summary().get("accuracy/logp")
    if found is None:
        raise ConfigurationError("Accuracy needs comparisons or rankings.", where=data, fix="Measure likelihood.")
    return found


def held_out_pair_likelihood(folder: Path, data: str, **reading: Any) -> float:
    """Mean log-probability of the preferred side of each pair, nats; minus the held-out loss of a reward model.

    log P(y_w ≻ y_l | x), as the objective of the judge in the folder defines it: log σ(r_w − r_l) for Bradley–Terry.

    Args:
        folder: of a reward or preference model.
        data: comparisons.
        reading: keyword arguments for reading them (`penchant.feedback.read`).

    Raises:
        ConfigurationError: the data are no comparisons.
    """
    records = [record for record in read(data, **reading) if isinstance(record, Comparison)]
    if not records:
        raise ConfigurationError("The likelihood of pairs needs comparisons.", where=data, fix="Measure likelihood.")
    judge = build_judge(judge_of_folder(folder), records)
    assert judge is not None
    tables = compared_all(judge, records, [list(record.responses) for record in records])
    # A probability that rounds to 0 would make the mean infinite.
    return sum(math.log(max(float(table[0, 1]), sys.float_info.min)) for table in tables) / len(tables)


def judged_score(
    folder: Path, data: str, judge: Mapping[str, Any], prompts: int = 200, max_new_tokens: int = 128, **reading: Any
) -> float:
    """Mean score of a judge for greedily decoded responses to the prompts of held-out records.

    Raises:
        ConfigurationError: the judge never scores.
    """
    records = list({repr(record.prompt): record for record in read(data, ties="keep", **reading)}.values())[:prompts]
    built = build_judge(judge, records)
    if built is None or not built.gives_scores:
        raise ConfigurationError(
            f"The judge {judge.get('name')!r} gives no scores.", where="--judge", fix="Name one that scores responses."
        )
    greedy = Sampling(max_new_tokens=max_new_tokens, temperature=0.0)
    [renderer] = renderers_of([find_checkpoint(str(folder))])
    policy = Policy(str(folder), renderer, room=max_new_tokens)
    texts = policy.answers([record.prompt for record in records], greedy, seed=0)
    found = scored_all(built, records, [[text] for text in texts])
    return sum(each[0] for each in found) / len(found)
