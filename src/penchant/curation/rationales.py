"""The builder ``rationale``: questions why a response is preferred, and comparisons with the answers."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row, comparisons, read_template
from penchant.errors import ConfigurationError, DataError, nearest
from penchant.feedback.files import sound_rows
from penchant.feedback.records import Comparison, Record, as_text

__all__ = ["FIRST", "QUESTIONS", "RECORD", "Rationales", "ask_for_rationales", "attach_rationales"]

#: The column that matches an answer to its record: the record's number in its file, from 1.
RECORD = "record"
#: The column that says which response was shown as Assistant 1; training with the rationale needs the same order.
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


class Rationales(Builder):
    """Comparisons with a rationale from a column or another file, or questions that ask for rationales.

    With ``ask``, the rows are prompts ``{"prompt", "record", "rationale_first"}`` that ask a model why the chosen
    response is preferable (Just et al., 2024); the file of its answers is given as ``answers``. Without ``ask``, the
    rows are the comparisons with their ``rationale``, and with ``rationale_first`` where the answers have it. A record
    without a rationale, or with only white space, is dropped and counted.

    The published data always show the chosen response first, so a model can learn that the first response is better;
    ``shuffle`` randomizes the order.

    Example:
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "Hi", "chosen": "Hello!", "rejected": "What?", "why": "It greets."}])
        >>> Rationales(column="why").build(pairs).rows[0]["rationale"]
        'It greets.'

    Reference:
        Just et al. (2024), Data-Centric Human Preference Optimization with Rationales, arXiv:2407.14477.
    """

    id = "rationale"
    writes = ("rationale", "rationale_first")

    ask: Annotated[str | None, "write questions for a model instead: general or specific"] = None
    template: Annotated[str | None, "with ask: template file with {prompt}, {first}, {second}, {better}"] = None
    shuffle: Annotated[bool, "with ask: randomize which response comes first"] = False
    answers: Annotated[str | None, "file with the rationales"] = None
    column: Annotated[str, "the column with the rationale"] = "rationale"
    by: Annotated[str | None, "with answers: the column that both files share"] = None
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Build the questions, or the comparisons with their rationales."""
        if self.ask is not None or self.template is not None:
            template = None if self.template is None else read_template(self.template)
            kind = self.ask or "general"
            return ask_for_rationales(records, kind=kind, template=template, shuffle=self.shuffle, seed=self.seed)
        answers = None if self.answers is None else sound_rows(Path(self.answers))
        return attach_rationales(records, answers, column=self.column, by=self.by)


def ask_for_rationales(
    records: Iterable[Record],
    *,
    kind: str = "general",
    template: str | None = None,
    shuffle: bool = False,
    seed: int = 0,
) -> Built:
    """Prompts that ask a model why the chosen response is preferable.

    Args:
        records: comparisons.
        kind: ``general`` (the responses as wholes) or ``specific`` (the passages that decide).
        template: a custom question with ``{prompt}``, ``{first}``, ``{second}`` and ``{better}`` (the name,
            "Assistant 1" or "Assistant 2", of the chosen one).
        shuffle: randomize which response comes first.
        seed: random seed.

    Returns:
        Rows ``{"prompt", "record", "rationale_first"}``; `attach_rationales` takes the answers.

    Raises:
        ConfigurationError: the kind is unknown, or the template lacks a response.
    """
    question, rng = _question(kind, template), random.Random(seed)
    built = Built([])
    for place, record in enumerate(comparisons(records, "rationale"), start=1):
        chosen_first = not shuffle or rng.random() < 0.5
        row = {"prompt": _asked(question, record, chosen_first), RECORD: place}
        built.rows.append({**row, FIRST: "chosen" if chosen_first else "rejected"})
    built.count("questions", len(built.rows))
    return built


def _question(kind: str, template: str | None) -> str:
    if kind not in QUESTIONS:
        raise ConfigurationError(f"There is no question {kind!r}.", fix=nearest(kind, QUESTIONS))
    question = QUESTIONS[kind] if template is None else template
    if missing := [mark for mark in ("{first}", "{second}") if mark not in question]:
        raise ConfigurationError(
            f"The template has no {missing[0]!r}.", fix=f"Its placeholders are {', '.join(_MARKS)}."
        )
    return question


def _asked(question: str, record: Comparison, chosen_first: bool) -> str:
    """The question about one pair."""
    shown = (record.chosen, record.rejected) if chosen_first else (record.rejected, record.chosen)
    better = "Assistant 1" if chosen_first else "Assistant 2"
    texts = (_dialogue(record.prompt), *(as_text(each).strip() for each in shown), better)
    return _filled(question, dict(zip(_MARKS, texts, strict=True)))


def attach_rationales(
    records: Iterable[Record],
    answers: Sequence[Mapping[str, Any]] | None = None,
    *,
    column: str = "rationale",
    by: str | None = None,
) -> Built:
    """Comparisons with a field ``rationale``, for objectives that train on it.

    Args:
        records: comparisons; without ``answers`` they contain the rationale in ``column``.
        answers: rows with the rationales in ``column``.
        column: where the rationale is.
        by: the column in both that matches answers to records; default: ``record`` (the number that
            `ask_for_rationales` writes) if the answers have it, else the order of both.

    Raises:
        DataError: no row has the column, or the answers cannot be matched to the records.
    """
    pairs = comparisons(records, "rationale")
    built = Built([], {"records read": len(pairs)})
    found = [record.fields for record in pairs] if answers is None else _joined(pairs, answers, by)
    if answers is not None:
        used = sum(bool(answer) for answer in found)
        built.counts |= {"answers read": len(answers), "answers not used": max(0, len(answers) - used)}
    if all(answer.get(column) is None for answer in found):
        raise DataError(f"No row has a rationale in the column {column!r}.", fix="Name the column: --column NAME.")
    rows = [_with_rationale(record, each, column) for record, each in zip(pairs, found, strict=True)]
    built.rows = [row for row in rows if row is not None]
    if len(built.rows) < len(rows):
        built.count("dropped: no rationale", len(rows) - len(built.rows))
    built.count("rows with a rationale", len(built.rows))
    return built


def _with_rationale(record: Comparison, answer: Mapping[str, Any], column: str) -> dict[str, Any] | None:
    """The record's row with the answer's rationale; None if the rationale is empty."""
    value = answer.get(column)
    text = "" if value is None else as_text(value).strip()
    if not text:
        return None
    row = as_row(record)
    if answer is record.fields:
        row.pop(column)
    order = {FIRST: answer[FIRST]} if FIRST in answer else {}
    return {**row, **order, "rationale": text}


def _joined(
    pairs: Sequence[Record], answers: Sequence[Mapping[str, Any]], by: str | None
) -> Sequence[Mapping[str, Any]]:
    """The answer to each record; empty if there is none."""
    if by is None and not all(RECORD in answer for answer in answers):
        if len(answers) != len(pairs):
            raise DataError(
                f"There are {len(answers)} answers for {len(pairs)} records, so they cannot be matched by order.",
                fix="Name a column that both share, for example --by id.",
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
    """A prompt as readable text with roles."""
    if isinstance(prompt, str):
        return prompt.strip()
    return "\n".join(f"{turn['role'].capitalize()}: {as_text([turn])}" for turn in prompt)


def _filled(question: str, said: Mapping[str, str]) -> str:
    """The question with its placeholders filled in one pass, so that a placeholder inside a response stays."""
    pieces, rest = [], question
    while rest:
        at, mark = min(((rest.find(mark), mark) for mark in said if mark in rest), default=(len(rest), ""))
        pieces += [rest[:at], said.get(mark, "")]
        rest = rest[at + len(mark) :]
    return "".join(pieces)
