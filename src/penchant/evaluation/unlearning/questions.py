"""`QuestionSet`: the questions of one set with their right answers, paraphrases and wrong answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Record, Text, as_text
from penchant.feedback.views.sources import PARAPHRASE, PERTURBED

__all__ = ["Question", "QuestionSet", "questions_of"]

#: Answers of other questions that stand in for wrong answers.
BORROWED = 5


@dataclass(frozen=True)
class Question:
    """One question.

    Args:
        prompt: the question.
        answer: the right answer.
        paraphrase: the right answer in other words, or None.
        wrong: wrong answers; may be empty.
        row: file and line, for messages.
    """

    prompt: Text
    answer: Text
    paraphrase: Text | None
    wrong: tuple[Text, ...]
    row: str


@dataclass(frozen=True)
class QuestionSet:
    """The questions of one set.

    Args:
        name: ``forget``, ``retain``, or the name of a further set.
        questions: in the order of the file.
        borrowed: whether the wrong answers are the answers of other questions, for lack of written ones.
        left_out: number of questions without a wrong answer in a set where others have one; they count everywhere but
            in the truth ratio.
    """

    name: str
    questions: tuple[Question, ...]
    borrowed: bool
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def notes(self) -> list[str]:
        """What a reader of the numbers must know, in sentences."""
        found = []
        if self.borrowed and any(each.wrong for each in self.questions):
            found.append(
                f"{self.name}: no record has wrong answers (field 'perturbed'), so the truth ratio compares with the "
                "answers of other records."
            )
        if not any(each.wrong for each in self.questions):
            found.append(f"{self.name}: there is no second answer to compare with, so there is no truth ratio.")
        if self.left_out:
            found.append(
                f"{self.name}: {self.left_out} of {len(self)} records have no wrong answers and are left out of the "
                "truth ratio."
            )
        return found


def questions_of(name: str, feedback: Feedback, limit: int | None = None) -> QuestionSet:
    """The questions of a set of records.

    A record's fields ``paraphrase`` (a text) and ``perturbed`` (a list of texts) hold the right answer in other words
    and wrong answers. Where no record has wrong answers, those of each question are the answers of the next five
    records with another answer.

    Args:
        name: of the set.
        feedback: records with one response each.
        limit: at most this many questions, evenly spaced over the file.

    Raises:
        DataError: a record has not one response, or a field holds something else than text.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": f"{number}?", "completion": str(number)} for number in range(3)]
        >>> found = questions_of("forget", read(rows))
        >>> found.questions[0].wrong, found.borrowed
        (('1', '2'), True)
    """
    records = _spread(list(feedback), limit)
    plain = [_question(record, name) for record in records]
    if any(each.wrong for each in plain):
        return QuestionSet(name, tuple(plain), False, sum(not each.wrong for each in plain))
    answers = [each.answer for each in plain]
    lent = [_others(answers, place) for place in range(len(plain))]
    filled = [
        Question(each.prompt, each.answer, each.paraphrase, wrong, each.row)
        for each, wrong in zip(plain, lent, strict=True)
    ]
    return QuestionSet(name, tuple(filled), True)


def _spread(records: list[Record], limit: int | None) -> list[Record]:
    """At most ``limit`` records, evenly spaced, so that a file in the order of its subjects is covered."""
    if limit is None or len(records) <= limit:
        return records
    return [records[place * len(records) // limit] for place in range(limit)]


def _question(record: Record, name: str) -> Question:
    if len(record.responses) != 1:
        raise DataError(
            f"The {name} set has a record with {len(record.responses)} responses, expected one.",
            where=str(record.source),
            fix="Give demonstrations: a prompt and a completion.",
        )
    paraphrase = _field(record, PARAPHRASE)
    if paraphrase is not None and not isinstance(paraphrase, str):
        raise DataError(f"The paraphrase is {str(paraphrase)[:40]!r}, expected a text.", where=str(record.source))
    wrong = _field(record, PERTURBED)
    wrong = [wrong] if isinstance(wrong, str) else wrong or []
    if not isinstance(wrong, list | tuple) or not all(isinstance(each, str) and each.strip() for each in wrong):
        raise DataError(
            f"The field 'perturbed' is {str(wrong)[:40]!r}, expected a list of texts.",
            where=str(record.source),
            fix='Write it as "perturbed": ["a wrong answer", ...].',
        )
    return Question(record.prompt, record.responses[0], paraphrase or None, tuple(wrong), str(record.source))


def _field(record: Record, names: Sequence[str]) -> Any:
    return next((record.fields[name] for name in names if record.fields.get(name) is not None), None)


def _others(answers: Sequence[Text], place: int) -> tuple[Text, ...]:
    """The next answers that differ from the one at ``place`` and from each other."""
    found: dict[str, Text] = {}
    for step in range(1, len(answers)):
        other = answers[(place + step) % len(answers)]
        if as_text(other) != as_text(answers[place]):
            found.setdefault(as_text(other), other)
        if len(found) == BORROWED:
            break
    return tuple(found.values())
