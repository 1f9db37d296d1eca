"""Rationales: asking a model why a response was preferred, and putting its answers beside the comparisons."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.records import Record, as_text

__all__ = ["FIRST", "QUESTIONS", "RECORD", "ask_for_rationales", "attach_rationales"]

#: The column by which an answer finds its record: the record's number in its file, from 1.
RECORD = "record"
#: The column that says which response was shown as Assistant 1: a rationale that names it needs the same order again.
FIRST = "rationale_first"

_CONVERSATION = (
    "Below is a conversation and two responses to it.\n\n[Conversation]\n{prompt}\n\n[Assistant 1]\n{first}\n\n"
    "[Assistant 2]\n{second}\n\n"
)
#: The questions, by kind.
QUESTIONS = {
    "general": _CONVERSATION + "{better} is preferable. Explain in a few sentences why it is the better response as a "
    "whole: how helpful, right, clear and harmless the two are.",
    "specific": _CONVERSATION + "{better} is preferable. Explain why in detail: name the passages of both responses "
    "that decide it, and what is right or wrong about each.",
}
_MARKS = ("{prompt}", "{first}", "{second}", "{better}")


def ask_for_rationales(
    records: Iterable[Record],
    *,
    kind: str = "general",
    template: str | None = None,
    shuffle: bool = False,
    seed: int = 0,
) -> Built:
    """Prompts that ask a model why the chosen response is preferable (Just et al., 2024).

    Args:
        records: comparisons.
        kind: ``general`` (the responses as wholes) or ``specific`` (the passages that decide).
        template: a question of one's own with ``{prompt}``, ``{first}``, ``{second}`` and ``{better}`` (the name,
            "Assistant 1" or "Assistant 2", of the chosen one).
        shuffle: draw which response stands first. The published data always show the chosen one first, from which a
            model can learn that the first one is better.
        seed: of the drawing.

    Returns:
        Rows ``{"prompt", "record", "rationale_first"}`` to be answered by a model; `attach_rationales` takes the
        answers.

    Raises:
        ConfigurationError: an unknown kind, or a template that leaves out a response.

    Example:
        >>> from penchant.feedback.records import Comparison
        >>> pair = Comparison(prompt="Hi", chosen="Hello!", rejected="What?")
        >>> ask_for_rationales([pair], template="{first} or {second}? Why {better}?").rows
        [{'prompt': 'Hello! or What?? Why Assistant 1?', 'record': 1, 'rationale_first': 'chosen'}]

    Reference:
        Just et al. (2024), Data-Centric Human Preference Optimization with Rationales, arXiv:2407.14477.
    """
    if kind not in QUESTIONS:
        raise ConfigurationError(f"There is no question {kind!r}.", fix=nearest(kind, QUESTIONS))
    question = QUESTIONS[kind] if template is None else template
    if missing := [mark for mark in ("{first}", "{second}") if mark not in question]:
        raise ConfigurationError(f"The template has no {missing[0]!r}.", fix=f"Its marks are {', '.join(_MARKS)}.")
    built, rng = Built([]), random.Random(seed)
    for place, record in enumerate(comparisons(records, "rationale"), start=1):
        chosen_first = not shuffle or rng.random() < 0.5
        shown = (record.chosen, record.rejected) if chosen_first else (record.rejected, record.chosen)
        better = "Assistant 1" if chosen_first else "Assistant 2"
        texts = (_dialogue(record.prompt), *(as_text(each).strip() for each in shown), better)
        said = dict(zip(_MARKS, texts, strict=True))
        built.rows.append(
            {"prompt": _filled(question, said), RECORD: place, FIRST: "chosen" if chosen_first else "rejected"}
        )
    built.count("questions", len(built.rows))
    return built


def attach_rationales(
    records: Iterable[Record],
    answers: Sequence[Mapping[str, Any]] | None = None,
    *,
    column: str = "rationale",
    by: str | None = None,
) -> Built:
    """Comparisons with a field ``rationale``, for objectives that learn from it.

    Args:
        records: comparisons; without ``answers`` they hold the rationale themselves, in ``column``.
        answers: rows that hold the rationales in ``column``.
        column: where the rationale stands.
        by: the column that both have, by which an answer finds its record; without it ``record`` (the number that
            `ask_for_rationales` writes) where the answers have it, else the order of both.

    Returns:
        The rows, with ``rationale_first`` where the answers say it. A record without a rationale, or with one of white
        space only, is left out and counted.

    Raises:
        DataError: no row has the column, or the answers cannot be told apart.

    Example:
        >>> from penchant.feedback.records import Comparison
        >>> pair = Comparison(prompt="Hi", chosen="Hello!", rejected="What?")
        >>> attach_rationales([pair], [{"record": 1, "text": "It greets."}], column="text").rows[0]["rationale"]
        'It greets.'
    """
    pairs = comparisons(records, "rationale")
    built = Built([], {"records read": len(pairs)})
    found: Sequence[Mapping[str, Any]]
    if answers is None:
        found = [record.fields for record in pairs]
    else:
        found = _joined(pairs, answers, by)
        taken = sum(bool(answer) for answer in found)
        built.counts |= {"answers read": len(answers), "answers not used": max(0, len(answers) - taken)}
    if all(answer.get(column) is None for answer in found):
        raise DataError(f"No row has a rationale in the column {column!r}.", fix="Name the column: --column NAME.")
    for record, answer in zip(pairs, found, strict=True):
        value = answer.get(column)
        text = "" if value is None else as_text(value)
        if not text.strip():
            built.count("dropped: no rationale")
            continue
        row = as_row(record)
        if answers is None:
            row.pop(column)
        order = {FIRST: answer[FIRST]} if FIRST in answer else {}
        built.rows.append({**row, **order, "rationale": text.strip()})
    built.count("rows with a rationale", len(built.rows))
    return built


def _joined(
    pairs: Sequence[Record], answers: Sequence[Mapping[str, Any]], by: str | None
) -> Sequence[Mapping[str, Any]]:
    """The answer to each record; an empty one where there is none."""
    if by is None and not all(RECORD in answer for answer in answers):
        if len(answers) != len(pairs):
            raise DataError(
                f"There are {len(answers)} answers to {len(pairs)} records, and nothing says which belongs to which.",
                fix="Name a column that both have: --by id.",
            )
        return answers
    table: dict[str, Mapping[str, Any]] = {}
    for place, answer in enumerate(answers, start=1):
        key = str(answer.get(by or RECORD))
        if key in table:
            raise DataError(f"Two answers have the {by or RECORD} {key!r}.", where=f"answer {place}", fix="Remove one.")
        table[key] = answer
    keys = [number if by is None else record.fields.get(by) for number, record in enumerate(pairs, start=1)]
    return [table.get(str(key), {}) for key in keys]


def _dialogue(prompt: Any) -> str:
    """A prompt for reading, with its roles."""
    if isinstance(prompt, str):
        return prompt.strip()
    return "\n".join(f"{turn['role'].capitalize()}: {as_text([turn])}" for turn in prompt)


def _filled(question: str, said: Mapping[str, str]) -> str:
    """The question with its marks replaced in one pass, so that a mark inside a response stays as it is."""
    pieces, rest = [], question
    while rest:
        at, mark = min(((rest.find(mark), mark) for mark in said if mark in rest), default=(len(rest), ""))
        pieces += [rest[:at], said.get(mark, "")]
        rest = rest[at + len(mark) :]
    return "".join(pieces)
