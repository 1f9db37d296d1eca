"""What judges are asked about records of any kind: prompts, and responses in a form that they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from penchant.errors import DataError
from penchant.feedback.records import JointComparison, Prompt, Record
from penchant.objectives.functional.preferences import bradley_terry
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared_all, scored_all

__all__ = ["SAMPLES", "compared_records", "responses_of", "scored_records"]

#: Columns of prompts that hold responses nobody has judged yet.
SAMPLES = ("responses", "completions", "samples")


def scored_records(records: Sequence[Record], name: str, judge: Judge) -> list[list[float]]:
    """For each record a score of each response; NaN where the judge has none.

    Args:
        records: of any kind that holds responses.
        name: of the judge, for messages.
        judge: scores them.

    Raises:
        DataError: a record has no responses, or such that the judge cannot read.
        PenchantError: the judge fails.
    """
    asked = [each for record in records for each in _asked(record, name, judge)]
    given = iter(scored_all(judge, [each[1] for each in asked], [each[2] for each in asked]))
    places = {id(record): place for place, record in enumerate(records)}
    rows: list[list[float]] = [[] for _record in records]
    for owner, _record, _texts in asked:
        rows[places[id(owner)]] += next(given)
    return rows


def compared_records(records: Sequence[Record], name: str, judge: Judge) -> list[list[float]]:
    """For each record the K·K probabilities that one response is preferred to another, row by row.

    Args:
        records: as for `scored_records`.
        name: of the judge, for messages.
        judge: compares them; responses to two prompts only by their scores.

    Raises:
        DataError: as for `scored_records`; or the judge gives no scores, and the responses answer two prompts.
        PenchantError: the judge fails.
    """
    if any(isinstance(record, JointComparison) for record in records):
        return [_apart(record, name, judge).flatten().tolist() for record in records]
    asked = [_asked(record, name, judge)[0] for record in records]
    tables = compared_all(judge, [each[1] for each in asked], [each[2] for each in asked])
    return [table.flatten().tolist() for table in tables]


def _apart(record: Record, name: str, judge: Judge) -> torch.Tensor:
    """The preference between responses to different prompts, which only scores can give."""
    if not judge.gives_scores:
        raise DataError(
            f"The judge {name} compares responses to one prompt, but these answer two.",
            where=str(record.source),
            fix="Use a judge that scores.",
        )
    asked = _asked(record, name, judge)
    scores = [value for _owner, each, texts in asked for value in scored_all(judge, [each], [texts])[0]]
    return bradley_terry(torch.tensor(scores, dtype=torch.float64))


def _asked(record: Record, name: str, judge: Judge) -> list[tuple[Record, Record, list[Any]]]:
    """What is asked about a record: itself, a record with the prompt, and the responses to it."""
    texts = [_readable(each, record, name, judge) for each in responses_of(record)]
    if isinstance(record, JointComparison):
        other = Prompt(prompt=record.rejected_prompt, source=record.source, fields=record.fields)
        return [(record, record, texts[:1]), (record, other, texts[1:])]
    return [(record, record, texts)]


def responses_of(record: Record) -> list[Any]:
    """The responses of a record; those of a prompt are in one of the columns `SAMPLES`.

    Raises:
        DataError: it has none, or one is no text.
    """
    if record.responses:
        return list(record.responses)
    given = next((record.fields[name] for name in SAMPLES if name in record.fields), None)
    found = [each.get("text") if isinstance(each, dict) else each for each in given] if isinstance(given, list) else []
    if not found or not all(isinstance(each, str) for each in found):
        raise DataError(
            "The record has no responses to judge." if not found else "One of the record's responses is no text.",
            where=str(record.source),
            fix="Give chosen and rejected, completion, completions, or a column 'responses' with a list of texts "
            "(--map responses=COLUMN); `penchant generate` makes them.",
        )
    return found


def _readable(response: Any, record: Record, name: str, judge: Judge) -> Any:
    """A response as a judge reads it: one turn of the assistant is its text."""
    if isinstance(response, str):
        return response
    if not isinstance(response, list):
        raise DataError(
            f"The judge {name} reads texts, but a response is an image.",
            where=str(record.source),
            fix="Use a judge of images, or records whose responses are texts.",
        )
    [first, *more] = response
    if not more and isinstance(first.get("content"), str) and not set(first) - {"role", "content"}:
        return first["content"]
    if not judge.reads_messages:
        raise DataError(
            f"The judge {name} reads texts, but a response is a conversation of {len(response)} messages.",
            where=str(record.source),
            fix="Use a reward model or an implicit reward, which read messages.",
        )
    return response
