"""The builder ``best-along-direction``: the responses that do best along the direction of their prompt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any

from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.judging import JUDGE_WORDS, judges_of, scores_of
from penchant.curation.rows import Built
from penchant.errors import DataError
from penchant.feedback.records import Demonstration, Ranking, Record, Text
from penchant.feedback.tools import template_columns

__all__ = ["BestAlongDirection", "best_along"]

# What `penchant generate` says of all samples; the row that is written has one of them.
_OF_SAMPLES = frozenset({"samples", "finished", "picked", "scores"})


def best_along(direction: Sequence[float], ratings: Sequence[Sequence[float]], keep: int = 1) -> list[int]:
    """The responses with the largest reward along a direction, best first; the first of equal ones.

    R = vᵀ r

    Args:
        direction: v, K numbers.
        ratings: for each response its K ratings r; one with NaN is never kept.
        keep: how many.

    Example:
        >>> ratings = [[1.0, 0.0], [0.0, 1.0]]
        >>> best_along([0.8, 0.6], ratings), best_along([0.8, -0.6], ratings), best_along([0.0, 1.0], ratings)
        ([0], [0], [1])

    Reference:
        Wang et al. (2024), arXiv:2402.18571.
    """
    rewards = [sum(v * r for v, r in zip(direction, own, strict=True)) for own in ratings]
    usable = [place for place, reward in enumerate(rewards) if not math.isnan(reward)]
    return sorted(usable, key=lambda place: -rewards[place])[:keep]


class BestAlongDirection(Builder):
    """The sampled responses that do best along the direction of their prompt, as demonstrations.

    Each prompt comes with its ``direction`` and ``original_prompt``, as ``directions`` writes them, and its responses
    as a ranking, in several rows, or as a list ``samples``. Each judge rates one attribute, in the order of the
    direction, and reads the original prompt. Train on the result with ``nll``, together with the files of earlier
    rounds, and sample again.

    Example:
        >>> from penchant.feedback import read
        >>> row = {"prompt": "Helpful! 2 + 2", "original_prompt": "2 + 2", "answer": "4", "direction": [1.0]}
        >>> records = read([{**row, "completion": "5"}, {**row, "completion": "4"}])
        >>> [each["completion"] for each in BestAlongDirection(judge=["verifier,rule=number"]).build(records).rows]
        ['4']

    Reference:
        Wang et al. (2024), Directional Preference Alignment with Multi-Objective Rewards, arXiv:2402.18571.
    """

    id = "best-along-direction"
    reads = "rankings, demonstrations or samples with a direction"
    writes = ("completion", "ratings")

    judge: Annotated[list[str], f"the judge of an attribute, in the order of the direction: {JUDGE_WORDS}"]
    keep: Annotated[int, Ge(1), "how many responses of each prompt are kept"] = 1
    device: Annotated[str, "device of judges with a model"] = "cpu"

    def build(self, records: Iterable[Record]) -> Built:
        """Rate and keep."""
        built, groups = Built([]), dict[str, tuple[Record, list[Text]]]()
        for record in records:
            built.count("records read")
            groups.setdefault(repr(record.prompt), (record, []))[1].extend(_responses(record))
        asked = [replace(record, prompt=self._original(record)) for record, _responses in groups.values()]
        responses = [own for _record, own in groups.values()]
        judges = judges_of(self.judge, asked, self.device)
        columns = [scores_of(judge, asked, responses) for judge in judges]
        for (record, own), *scores in zip(groups.values(), *columns, strict=True):
            ratings = [list(each) for each in zip(*scores, strict=True)]
            for place in best_along(self._direction(record), ratings, self.keep):
                built.rows.append(_row(record, own[place], ratings[place]))
            built.count("prompts")
        built.count("responses kept", len(built.rows))
        return built

    def _direction(self, record: Record) -> list[float]:
        given = record.fields.get("direction")
        good = isinstance(given, list) and len(given) == len(self.judge)
        if not good or not all(isinstance(each, int | float) and math.isfinite(each) for each in given or ()):
            raise DataError(
                f"The field direction is {given!r}, expected {len(self.judge)} numbers, one for each judge.",
                where=str(record.source),
                fix="Write it with penchant data build directions, and name one judge for each attribute.",
            )
        return list(given or ())

    def _original(self, record: Record) -> Any:
        return record.fields.get("original_prompt", record.prompt)


def _responses(record: Record) -> list[Text]:
    """Those of a ranking or demonstration, or the field ``samples``, where `penchant generate` writes several."""
    samples = record.fields.get("samples")
    if isinstance(samples, list) and samples and all(isinstance(each, str) for each in samples):
        return list(samples)
    if not isinstance(record, Ranking | Demonstration):
        raise DataError(
            f"best-along-direction needs responses, but this is a {record.kind} without the field samples.",
            where=str(record.source),
            fix="Give rankings, demonstrations, or prompts with a list of texts in the field samples.",
        )
    return list(record.responses)


def _row(record: Record, completion: Text, ratings: list[float]) -> dict[str, Any]:
    more = {name: value for name, value in record.fields.items() if name not in _OF_SAMPLES} | template_columns(record)
    return {"prompt": record.prompt, "completion": completion, "ratings": ratings, **more}
