"""The builder ``mixed-texts``: texts of people of which a language model has rewritten some sentences."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Interval

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row, comparisons, read_template
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.files import sound_rows
from penchant.feedback.records import Comparison, Record, as_text

__all__ = ["QUESTION", "MixedTexts", "ask_for_sentences", "mixed_texts", "sentences_of"]

#: What a language model is asked.
QUESTION = (
    "Rewrite the following sentence in other words. Keep its meaning, and answer with the new sentence alone.\n\n"
    "{sentence}"
)
_RECORD, _SENTENCE = "record", "sentence"
_END = re.compile(r"(?<=[.!?])\s+|\n+")


class MixedTexts(Builder):
    """Comparisons of a machine's with a human's text, and between them the human's text rewritten in part.

    The chosen response is the machine's text, the rejected one the human's. With ``ask``, the rows are prompts, one for
    each sentence that is to be rewritten (Lee et al., 2024: half of those of a text, drawn by the seed); `penchant
    generate` answers them, and the file of its answers is given as ``answers``. Without ``ask``, the rows are the
    comparisons with the field ``mixed``. A text of one sentence cannot be mixed, and one whose answers are all empty or
    unchanged is not: both are dropped and counted.

    Example:
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "Tea?", "chosen": "Certainly. I enjoy tea.", "rejected": "Yes. I like it."}])
        >>> [row["sentence"] for row in MixedTexts(ask=True).build(pairs).rows]
        [0]

    Reference:
        Lee, Tack, Shin (2024), ReMoDetect: Reward Models Recognize Aligned LLM's Generations, arXiv:2405.17382.
    """

    id = "mixed-texts"
    reads = "comparisons of a machine's (chosen) with a human's text (rejected)"
    writes = ("mixed",)

    ask: Annotated[bool, "write the questions for a language model instead"] = False
    template: Annotated[str | None, "with ask: file of the question, with {sentence}"] = None
    share: Annotated[float, Interval(gt=0, lt=1), "with ask: share of a text's sentences that are rewritten"] = 0.5
    answers: Annotated[str | None, "file with the rewritten sentences"] = None
    column: Annotated[str | None, "their column; if absent response, or the first of samples"] = None
    seed: Annotated[int, Ge(0), "with ask: which sentences are rewritten"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Build the questions, or the comparisons with their mixed texts."""
        if self.ask:
            template = QUESTION if self.template is None else read_template(self.template)
            return ask_for_sentences(records, template=template, share=self.share, seed=self.seed)
        if self.answers is None:
            raise ConfigurationError(
                "There are no rewritten sentences.",
                where=self.id,
                fix="Write questions with --ask, let penchant generate answer them, and give its file as --answers.",
            )
        return mixed_texts(records, sound_rows(Path(self.answers)), self.column)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, each with the white space after it; joined they are the text.

    Example:
        >>> sentences_of("Yes. I like it!\\nDo you?")
        ['Yes. ', 'I like it!\\n', 'Do you?']
    """
    ends = [0, *(match.end() for match in _END.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(ends) if text[start:end].strip()]


def ask_for_sentences(
    records: Iterable[Record], *, template: str = QUESTION, share: float = 0.5, seed: int = 0
) -> Built:
    """Prompts that ask for sentences of the human's texts in other words.

    Args:
        records: comparisons; the rejected response is the human's.
        template: the question, with ``{sentence}``.
        share: of the sentences of a text; at least one is asked for, and at least one stays.
        seed: decides which.

    Returns:
        Rows ``{"prompt", "record", "sentence"}``, the latter two numbers from 1 and from 0.

    Raises:
        ConfigurationError: the template has no place for the sentence.
    """
    if "{sentence}" not in template:
        raise ConfigurationError("The template has no '{sentence}'.", fix="Write it where the sentence is to stand.")
    built = Built([])
    for number, record in enumerate(comparisons(records, MixedTexts.id), start=1):
        built.count("records read")
        sentences = sentences_of(as_text(record.rejected))
        if len(sentences) < 2:
            built.count("not asked: a text of one sentence")
            continue
        count = min(len(sentences) - 1, max(1, round(share * len(sentences))))
        for place in sorted(random.Random(f"{seed} {number}").sample(range(len(sentences)), count)):
            prompt = template.replace("{sentence}", sentences[place].strip())
            built.rows.append({"prompt": prompt, _RECORD: number, _SENTENCE: place})
    built.count("questions", len(built.rows))
    return built


def mixed_texts(records: Iterable[Record], answers: Sequence[Mapping[str, Any]], column: str | None = None) -> Built:
    """Comparisons with the field ``mixed``: the human's text with some sentences replaced by their answers.

    Args:
        records: those of which the questions were asked, in the same order.
        answers: rows with ``record``, ``sentence`` and the answer.
        column: of the answer; None for ``response``, or the first of ``samples``.

    Raises:
        DataError: an answer belongs to no sentence, or has no text in the column.
    """
    said: dict[int, dict[int, str]] = {}
    for place, row in enumerate(answers, start=1):
        try:
            said.setdefault(int(row[_RECORD]), {})[int(row[_SENTENCE])] = _answer(row, column, place)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                "The answer says not which sentence it is.",
                where=f"answer {place}",
                fix=f"Keep the columns {_RECORD} and {_SENTENCE} of the questions.",
            ) from error
    built = Built([])
    for number, record in enumerate(comparisons(records, MixedTexts.id), start=1):
        built.count("records read")
        text = _mixed(record, said.pop(number, {}))
        if text is None:
            built.count("dropped: no sentence is rewritten")
        else:
            built.rows.append(as_row(record) | {"mixed": text})
    if said:
        raise DataError(
            f"There is an answer to record {min(said)}, which the file does not have.",
            fix="Give the file of which the questions were asked.",
        )
    built.count("rows with a mixed text", len(built.rows))
    return built


def _mixed(record: Comparison, answers: Mapping[int, str]) -> str | None:
    """The human's text with the answers in it; None if nothing is changed."""
    sentences = sentences_of(as_text(record.rejected))
    wrong = next((place for place in answers if not 0 <= place < len(sentences)), None)
    if wrong is not None:
        raise DataError(
            f"There is an answer to sentence {wrong}, and the text has {len(sentences)}.",
            where=str(record.source),
            fix="Give the file of which the questions were asked.",
        )
    changed = False
    for place, answer in answers.items():
        old = sentences[place].strip()
        if answer.strip() and answer.strip() != old:
            sentences[place], changed = sentences[place].replace(old, answer.strip(), 1), True
    return "".join(sentences).strip() if changed else None


def _answer(row: Mapping[str, Any], column: str | None, place: int) -> str:
    """The text of an answer."""
    found = row.get(column or "response")
    if found is None and column is None and isinstance(row.get("samples"), list) and row["samples"]:
        found = row["samples"][0]
    if not isinstance(found, str):
        raise DataError(
            f"The answer has no text in the column {column or 'response'!r}.",
            where=f"answer {place}",
            fix="Name the column: --column NAME.",
        )
    return found
