"""Comparisons whose prompt holds a few other comparisons of the same annotator (FSPO)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import DataError
from penchant.feedback.records import Comparison, Record, Text, as_text

__all__ = ["FewShot", "shown_before"]

_SHOT = (
    "Example {number} of what this user prefers\nQuestion: {question}\nPreferred: {chosen}\nNot preferred: {rejected}"
)
_TASK = "Give the response that this user prefers.\nQuestion: {question}\nPreferred:"
_TASK_OF_DESCRIBING = (
    "Describe this user, then give the response that this user prefers.\nQuestion: {question}\nThe user:"
)
_DESCRIBED = "About this user: {description}"
_ANSWER = "{description}\nPreferred: {response}"


def shown_before(
    shots: Sequence[Comparison], prompt: Text, description: str | None = None, *, describes: bool = False
) -> Text:
    """A prompt behind the comparisons that an annotator made before; without any, the prompt itself.

    Args:
        shots: comparisons of one annotator.
        prompt: a text, or messages, of which the last turn of the user gets the examples.
        description: words about the annotator, which come first.
        describes: ask for a description of the annotator before the response.

    Example:
        >>> pair = Comparison(prompt="Hi", chosen="Hello!", rejected="What?")
        >>> print(shown_before([pair], "Bye"))
        Example 1 of what this user prefers
        Question: Hi
        Preferred: Hello!
        Not preferred: What?
        <BLANKLINE>
        Give the response that this user prefers.
        Question: Bye
        Preferred:
    """
    if not shots and description is None and not describes:
        return prompt
    examples = [] if description is None else [_DESCRIBED.format(description=description)]
    examples += [
        _SHOT.format(
            number=number,
            question=as_text(each.prompt),
            chosen=as_text(each.chosen),
            rejected=as_text(each.rejected),
        )
        for number, each in enumerate(shots, start=1)
    ]
    task = _TASK_OF_DESCRIBING if describes else _TASK
    if isinstance(prompt, str):
        return "\n\n".join([*examples, task.format(question=prompt)])
    turns = [dict(turn) for turn in prompt]
    last = max((at for at, turn in enumerate(turns) if turn.get("role") == "user"), default=None)
    if last is None or not isinstance(turns[last].get("content"), str):
        raise DataError("The prompt has no turn of the user that is a text, so that it cannot hold examples.")
    turns[last]["content"] = "\n\n".join([*examples, task.format(question=turns[last]["content"])])
    return turns


class FewShot(Builder):
    """Comparisons whose prompt holds other comparisons of the same annotator.

    Each annotator's comparisons are shuffled and cut into groups of N + 1: the first N are shown in the prompt of the
    last one. Both of its responses stand under the same heading. Train on them with ``ipo`` or ``dpo``. A written
    description of the annotator, a field of the records, comes before the examples, or is what the model has to write
    before its response: then both responses begin with it.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": q, "chosen": "Yes", "rejected": "No", "annotator": "Ann"} for q in "abcd"]
        >>> built = FewShot(shots=1, repeats=1).build(read(rows))
        >>> len(built.rows), built.rows[0]["prompt"].count("Question:")
        (2, 2)

    Reference:
        Singh et al. (2025), FSPO: Few-Shot Preference Optimization of Synthetic Preference Data in LLMs Elicits
        Effective Personalization to Real Users, arXiv:2502.19312.
    """

    id = "few-shot"
    reads = "comparisons with an annotator"
    writes = ("chosen", "rejected")

    shots: Annotated[int, Ge(0), "number N of comparisons shown in each prompt"] = 4
    repeats: Annotated[
        int | None, Ge(1), "how often each annotator's comparisons are shuffled; 2 (N + 1) if absent, 1 for testing"
    ] = None
    annotator: Annotated[str, "the field that names the annotator"] = "annotator"
    description: Annotated[str | None, "a field with a description of the annotator in words"] = None
    described: Annotated[
        Literal["prompt", "response"], "where the description stands: given in the prompt, or written by the model"
    ] = "prompt"
    seed: Annotated[int, "seed of the shuffling"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Rows of each annotator who has more than N different comparisons."""
        built = Built([])
        for name, own in self._by_annotator(records, built).items():
            if len(own) <= self.shots:
                built.count(f"dropped: of an annotator with {self.shots} comparisons or fewer", len(own))
                continue
            # The rows of an annotator do not depend on who else is in the file.
            rng = random.Random(f"{self.seed} {name}")
            for _round in range(self.repeats or 2 * (self.shots + 1)):
                rng.shuffle(own)
                for start in range(0, len(own) - self.shots, self.shots + 1):
                    *shots, query = own[start : start + self.shots + 1]
                    built.rows.append(self._row(shots, query))
                    built.count("comparisons")
        return built

    def _by_annotator(self, records: Iterable[Record], built: Built) -> dict[str, list[Comparison]]:
        """The different comparisons of each annotator, in the order of the file."""
        found: dict[str, dict[tuple[str, str, str], Comparison]] = {}
        for record in comparisons(records, self.id):
            built.count("records read")
            who = record.fields.get(self.annotator)
            if who is None:
                raise DataError(
                    f"The record has no field {self.annotator!r}.",
                    where=str(record.source),
                    fix="Name the field of the annotator with --annotator, or map a column: --map annotator=COLUMN.",
                )
            # A pair that occurs twice would be shown in its own prompt.
            key = (repr(record.prompt), repr(record.chosen), repr(record.rejected))
            own = found.setdefault(str(who), {})
            if key in own:
                built.count("dropped: repeated by its annotator")
            else:
                own[key] = record
        return {name: list(own.values()) for name, own in found.items()}

    def _row(self, shots: Sequence[Comparison], query: Comparison) -> dict[str, Any]:
        try:
            if self.description is None:
                return {**as_row(query), "prompt": shown_before(shots, query.prompt)}
            words = query.fields.get(self.description)
            if not isinstance(words, str) or not words.strip():
                raise DataError(f"The record has no description of its annotator in the field {self.description!r}.")
            if self.described == "prompt":
                return {**as_row(query), "prompt": shown_before(shots, query.prompt, words)}
            row = {**as_row(query), "prompt": shown_before(shots, query.prompt, describes=True)}
            for side, response in (("chosen", query.chosen), ("rejected", query.rejected)):
                row[side] = _ANSWER.format(description=words, response=as_text(response))
            return row
        except DataError as error:
            raise DataError(error.what, where=str(query.source)) from None
