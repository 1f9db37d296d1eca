"""`Verifier`, a judge that compares responses with reference answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Interval

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Record, Text
from penchant.rewards.answer_rules import as_answer, box_in, box_overlap, compiled, fits_schema, matches, schema_of
from penchant.rewards.judge import Judge
from penchant.rewards.numbers import answer_in, same_number

__all__ = ["RULES", "Rule", "Verifier"]

Right = Callable[[str, str], float]
# Characters that Unicode keeps for programs; no text contains them.
_BEHIND, _BEFORE = "\ufdd0", "\ufdd1"
_EDGES = re.compile(f"[{_BEHIND}{_BEFORE}]")
Rule = Literal["number", "exact", "contains", "regex", "json_schema", "iou"]


def _number(response: str, answer: str) -> bool:
    found, wanted = answer_in(response), answer_in(answer)
    return found is not None and wanted is not None and same_number(found, wanted)


def _exact(response: str, answer: str) -> bool:
    return response.split() == answer.split()


def _contains(response: str, answer: str) -> bool:
    # `str` finds a text in linear time; an expression would compare the answer anew at every place.
    wanted, text = map(_folded, (answer.strip(), response))
    return wanted in text and _with_edges(wanted) in _with_edges(text)


def _folded(text: str) -> str:
    """A text in small letters, one for each of its own (İ alone would become two), without our marks."""
    return _EDGES.sub("", text.replace("İ", "i").lower().replace("ς", "σ"))


def _with_edges(text: str) -> str:
    """A text with marks behind what is no letter of a word and before what is none.

    Both ends count as none, so that a text with its marks is found in another only where words begin and end.
    """
    before = re.sub(r"(?!\w)", _BEFORE, text)
    return _BEHIND + re.sub(rf"[^\w{_BEFORE}]", rf"\g<0>{_BEHIND}", before)


#: The rules by name: (response, answer) to True if the response is right; ``iou`` to how right it is.
RULES: dict[str, Right] = {
    "number": _number,
    "exact": _exact,
    "contains": _contains,
    "regex": matches,
    "json_schema": fits_schema,
    "iou": box_overlap,
}


class Verifier(Judge):
    """Scores 1 for a right response and 0 for a wrong one.

    ``number``: the final number of the response equals that of the answer. ``exact``: the same words. ``contains``: the
    response contains the answer as whole words, ignoring case.

    Args:
        answers: reference answers as (prompt, answer) pairs; `read` adds those of records.
        rule: ``number``, ``exact``, ``contains``, or a function (response, answer) -> bool.

    Raises:
        ConfigurationError: the rule is unknown.

    Example:
        >>> Verifier([("2 + 2 =", "4")]).score("2 + 2 =", ["It is 4.", "5", "4.0"])
        [1.0, 0.0, 1.0]
    """

    id = "verifier"
    formula = "1 if the response is right by the record's answer, else 0; for iou the overlap"
    span = "0 or 1; 0 to 1 for iou: higher is better"
    advice = "The mean is an accuracy; it checks the answer, not the way to it."
    verifies = True

    rule: Annotated[
        Rule,
        "when a response is right: same number, same words, contains the answer; the answer is a pattern that it "
        "matches, a JSON schema that it fits, or a box that it overlaps",
    ] = "number"
    threshold: Annotated[
        float | None, Interval(gt=0, le=1), "overlap from which on a box is right; without it, the score is the overlap"
    ] = None

    def __init__(
        self, answers: Iterable[tuple[Text, Any]] = (), rule: str | Right | None = None, **settings: Any
    ) -> None:
        super().__init__(**settings, **({"rule": rule} if isinstance(rule, str) else {}))
        if callable(rule):
            vars(self)["rule"] = rule  # only Python code can pass a function; recipes name a rule
        self.right: Right = rule if callable(rule) else RULES[self.rule]
        if self.threshold is not None and self.right is not box_overlap:
            raise ConfigurationError(
                "A threshold is given, but the rule gives no overlap.", where="judge.threshold", fix="Use rule: iou."
            )
        self.verifies = self.right is not box_overlap or self.threshold is not None
        self.answers = {_key(prompt): self._checkable(answer, "verifier") for prompt, answer in answers}

    @classmethod
    def of_records(cls, records: Iterable[Record], rule: str | Right | None = None) -> Verifier:
        """A verifier with the answers from the records' field ``answer``.

        Raises:
            DataError: a record has none, or two records give one prompt different answers.
        """
        verifier = cls(rule=rule)
        verifier.read(records)
        return verifier

    def read(self, records: Iterable[Record]) -> None:
        """Read each prompt's answer from its record's field ``answer``.

        Raises:
            DataError: a record has none, or one that the rule cannot check; or two records give one prompt different
                answers.
        """
        for record in records:
            answer = record.fields.get("answer")
            if answer is None:
                raise DataError(
                    "The record has no field 'answer', so its responses cannot be verified.",
                    where=str(record.source),
                    fix="Add the answer, or map a column to it with --map answer=COLUMN.",
                )
            former = self.answers.setdefault(_key(record.prompt), self._checkable(answer, str(record.source)))
            if former != as_answer(answer):
                raise DataError(
                    f"This prompt has the answer {as_answer(answer)!r}, but {former!r} in an earlier record.",
                    where=str(record.source),
                    fix="Keep the correct one.",
                )

    def _checkable(self, answer: object, where: str) -> str:
        """An answer as text.

        Raises:
            DataError: the rule compares numbers, and the answer has none: every response would be wrong. Or it is no
                pattern, schema or box.
        """
        text = as_answer(answer)
        if self.right is _number and answer_in(text) is None:
            raise DataError(
                f"The answer {text[:80]!r} has no number, but the rule 'number' compares numbers.",
                where=where,
                why="Every response would count as wrong.",
                fix="Choose the rule exact or contains (--rule contains, judge.rule=contains), or remove the record.",
            )
        try:
            _check(self.right, text)
        except ValueError as error:
            raise DataError(f"The answer {text[:80]!r} {error}.", where=where, fix="Correct it.") from error
        return text

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """1 for each right response, 0 for each wrong one; the overlap for ``iou`` without a threshold.

        Raises:
            DataError: there is no answer for this prompt.
        """
        answer = self.answers.get(_key(prompt))
        if answer is None:
            raise DataError(f"There is no answer for the prompt {str(prompt)[:80]!r}.", where="verifier")
        found = [float(self.right(response, answer)) for response in responses]
        return found if self.threshold is None else [float(each >= self.threshold) for each in found]


def _check(right: Right, answer: str) -> None:
    """Refuse an answer with which no response can be right.

    Raises:
        ValueError: the message says what it is.
    """
    if right is matches:
        compiled(answer)
    elif right is fits_schema:
        schema_of(answer)
    elif right is box_overlap and box_in(answer) is None:
        raise ValueError("is no box: four numbers in brackets, left, top, right, bottom")


def _key(prompt: Text) -> str:
    return prompt if isinstance(prompt, str) else repr(prompt)
