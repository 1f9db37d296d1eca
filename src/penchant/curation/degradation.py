"""The builder ``degrade``: copies of responses with less and less content, for degrees of preference."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Annotated, Any, Literal

from annotated_types import Ge, Interval

from penchant.curation.builder import Builder
from penchant.curation.key_content import EXTRACTORS, Extractor
from penchant.curation.rows import Built, as_row, comparisons
from penchant.feedback.records import Record, Text, as_text

__all__ = ["Degrade", "degrade", "levels_of"]

_WORD = re.compile(r"\S+\s*")


class Degrade(Builder):
    """Copies of every response with less and less content.

    For Self-supervised Preference Optimization (2024): of level k of K the share k / (K − 1) · rate of the key content
    is deleted (rounded up to whole phrases), most important first.

    Level 0 is the response itself; level k + 1 keeps a subset of level k, and at least one word. Nothing is
    random. Confidence is low: extractor, number of levels and rate are this library's own choices, because the
    published repository has none of them.

    Example:
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "Tea?", "chosen": "Tea is a hot drink.", "rejected": "No."}])
        >>> Degrade(levels=3, rate=1.0).build(pairs).rows[0]["chosen_degraded"]
        ['Tea is a hot drink.', 'is a drink.', 'is a']

    Reference:
        Self-supervised Preference Optimization with Preference Degree Awareness (2024), arXiv:2409.17791.
    """

    id = "degrade"
    writes = ("chosen_degraded", "rejected_degraded")

    levels: Annotated[int, Ge(2), "number K of texts per response, including the response itself"] = 4
    rate: Annotated[float, Interval(gt=0, le=1), "share of the key content that the last level deletes"] = 0.5
    extractor: Annotated[Literal["tfidf", "rake"], "extractor of the key content"] = "tfidf"

    def build(self, records: Iterable[Record]) -> Built:
        """Build the records with K texts of each response."""
        pairs = comparisons(records, self.id)
        extract = EXTRACTORS[self.extractor](as_text(response) for record in pairs for response in record.responses)
        built = Built([], {"records read": len(pairs)})
        for record in pairs:
            row = as_row(record)
            for name, response in (("chosen", record.chosen), ("rejected", record.rejected)):
                texts = levels_of(response, levels=self.levels, rate=self.rate, extract=extract)
                row[f"{name}_degraded"] = texts
                built.count(f"{name} responses without key content", int(texts[0] == texts[-1]))
            built.rows.append(row)
        built.count("rows with degraded responses", len(built.rows))
        return built


def degrade(records: Iterable[Record], **settings: Any) -> Built:
    """`Degrade` in one call.

    Args:
        records: comparisons.
        settings: those of `Degrade`.

    Example:
        >>> from penchant.feedback.records import Comparison
        >>> degrade([Comparison(prompt="?", chosen="a cup of tea", rejected="no")], levels=2).rows[0]["chosen_degraded"]
        ['a cup of tea', 'a of tea']
    """
    return Degrade(**settings).build(records)


def levels_of(response: Text, *, levels: int, rate: float, extract: Extractor) -> list[Text]:
    """A response, and copies of it with less and less content.

    Args:
        response: a text, or messages, in which each turn loses the same share.
        levels: number of texts, including the response.
        rate: share of the key content that the last level deletes.
        extract: extractor of the key content.

    Example:
        >>> levels_of("b c", levels=2, rate=1.0, extract=lambda words: [(1,), (0,)])
        ['b c', 'b']
    """
    if isinstance(response, str):
        return list(_texts_of(response, levels, rate, extract))
    copies = [deepcopy(response) for _ in range(levels)]
    for place, turn in enumerate(response):
        if isinstance(said := turn.get("content"), str):
            for copy, text in zip(copies, _texts_of(said, levels, rate, extract), strict=True):
                copy[place] = {**turn, "content": text}
    return list(copies)


def _texts_of(response: str, levels: int, rate: float, extract: Extractor) -> Iterator[str]:
    """The text at each level, starting with the text itself."""
    words = _WORD.findall(response)
    lead = response[: len(response) - sum(map(len, words))]
    phrases = extract([word.rstrip() for word in words])
    key = {place for phrase in phrases for place in phrase}
    # A response of only key words keeps one of them at every level, so that no level is empty.
    spared = {phrases[-1][0]} if phrases and key == set(range(len(words))) else set()
    yield response
    for level in range(1, levels):
        # Rounded up, so that a response with a single key word is degraded too; tolerant of floating-point error.
        count = math.ceil(level * rate * len(phrases) / (levels - 1) - 1e-9)
        gone = {place for phrase in phrases[:count] for place in phrase} - spared
        yield lead + "".join(word for place, word in enumerate(words) if place not in gone).rstrip()
