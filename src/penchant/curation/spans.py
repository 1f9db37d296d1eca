"""The builder ``spans``: which characters of two responses count more, by what differs or by a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from typing import Annotated, Any

from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import ConfigurationError
from penchant.feedback.passages import find_spans
from penchant.feedback.records import Comparison, Record, as_text
from penchant.python_path import load_from
from penchant.rendering.steps import plain_text

__all__ = ["Spans", "differing_phrases"]

_WORD = re.compile(r"\S+")
_SIDES = ("chosen", "rejected")
Phrase = list[int]


class Spans(Builder):
    """Comparisons with the characters that count more: where the two responses differ, or what a function finds.

    Each response gets ``…_spans``, a list of [start, end, weight], which TAB-PO reads, and ``…_phrases``, a list of
    [start, end, number], which RRPO reads. Without a function, a phrase is a run of words in which the two responses
    differ, and what stands in its place in the other response has the same number. A function gets a response's text
    and gives its phrases, each as a text of it or as [start, end]; they are numbered in that order.

    Example:
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "Tea?", "chosen": "Tea is hot today.", "rejected": "Tea is cold today."}])
        >>> row = Spans(weight=1.2).build(pairs).rows[0]
        >>> row["chosen_spans"], row["rejected_phrases"]
        ([[7, 10, 1.2]], [[7, 11, 1]])
    """

    id = "spans"
    writes = tuple(f"{side}_{what}" for side in _SIDES for what in ("spans", "phrases"))

    weight: Annotated[float, Ge(1), "weight of a token in a span; tokens outside have weight 1"] = 1.1
    function: Annotated[str, "a function that finds the phrases of a text, as rules.py:numbers"] = ""

    def build(self, records: Iterable[Record]) -> Built:
        """Build the records with the spans of both responses."""
        pairs = comparisons(records, self.id)
        rule = self._rule() if self.function else None
        built = Built([], {"records read": len(pairs)})
        for record in pairs:
            texts = [plain_text(each, record, "spans") for each in record.responses]
            found = differing_phrases(*texts) if rule is None else self._by(rule, texts, record)
            row = as_row(record)
            for side, phrases in zip(_SIDES, found, strict=True):
                row[f"{side}_spans"] = [[start, end, self.weight] for start, end, _ in phrases]
                row[f"{side}_phrases"] = phrases
                built.count(f"{side} responses without a span", int(not phrases))
                built.count(f"spans of {side} responses", len(phrases))
            built.rows.append(row)
        built.count("rows with spans", len(built.rows))
        return built

    def _rule(self) -> Callable[[str], Any]:
        found = load_from(self.function, "function")
        if not callable(found):
            raise ConfigurationError(
                f"{self.function!r} is {type(found).__name__}, expected a function.",
                where="function",
                fix="Name a function that takes a text and gives a list of texts or of [start, end].",
            )
        rule: Callable[[str], Any] = found
        return rule

    def _by(self, rule: Callable[[str], Any], texts: list[str], record: Comparison) -> list[list[Phrase]]:
        found = []
        for text in texts:
            given = rule(text)
            if not isinstance(given, list | tuple):
                raise ConfigurationError(
                    f"{self.function!r} gave {type(given).__name__} for {as_text(text)[:40]!r}, expected a list.",
                    where=str(record.source),
                    fix="Give a list of texts or of [start, end]; an empty one where there is no phrase.",
                )
            spans = find_spans(text, given, self.function, record.source)
            found.append([[*span, number] for number, span in enumerate(spans, start=1)])
        return found


def differing_phrases(first: str, second: str) -> tuple[list[Phrase], list[Phrase]]:
    """The runs of words in which two texts differ, [start, end, number] in characters.

    Two runs that replace one another have the same number; one that only one text has is numbered too.

    Args:
        first: a text.
        second: the other one.

    Example:
        >>> differing_phrases("a big red car", "a blue car now")
        ([[2, 9, 1]], [[2, 6, 1], [11, 14, 2]])
    """
    words = [list(_WORD.finditer(text)) for text in (first, second)]
    texts = [[word.group() for word in each] for each in words]
    compared = SequenceMatcher(None, texts[0], texts[1], autojunk=False)
    found: tuple[list[Phrase], list[Phrase]] = ([], [])
    number = 0
    for kind, *places in compared.get_opcodes():
        if kind == "equal":
            continue
        number += 1
        for phrases, each, (start, stop) in zip(found, words, (places[:2], places[2:]), strict=True):
            if start < stop:
                phrases.append([each[start].start(), each[stop - 1].end(), number])
    return found
