"""Degraded responses: copies that say less and less, to learn degrees of preference from."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from copy import deepcopy

from penchant.curation.key_content import EXTRACTORS, Extractor
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import ConfigurationError, nearest
from penchant.feedback.records import Record, Text, as_text

__all__ = ["degrade", "levels_of"]

_WORD = re.compile(r"\S+\s*")


def degrade(
    records: Iterable[Record],
    *,
    levels: int = 4,
    rate: float = 0.5,
    extractor: str | Callable[[Iterable[str]], Extractor] = "tfidf",
) -> Built:
    """Graded degradations for Self-supervised Preference Optimization (2024).

    ``chosen_degraded``, ``rejected_degraded``: K texts each; of level k the share k / (K − 1) · rate of the key content
    is deleted (rounded up to whole phrases), the most important first.

    Level 0 is the response itself; what level k + 1 keeps, level k keeps too; at least one word is left. Nothing is
    drawn at random. Confidence is low: extractor, number of levels and rate are this library's own choices, the
    published repository holds none of them.

    Args:
        records: comparisons.
        levels: K, at least 2.
        rate: share of the key content that the last level loses, in (0, 1].
        extractor: ``tfidf``, ``rake``, or a function from all responses to an extractor.

    Returns:
        The records with the two fields.

    Raises:
        ConfigurationError: an option is out of range, or there is no such extractor.

    Example:
        >>> from penchant.feedback.records import Comparison
        >>> pair = Comparison(prompt="Tea?", chosen="Tea is a hot drink.", rejected="No.")
        >>> degrade([pair], levels=3, rate=1.0).rows[0]["chosen_degraded"]
        ['Tea is a hot drink.', 'is a drink.', 'is a']

    Reference:
        Self-supervised Preference Optimization with Preference Degree Awareness (2024), arXiv:2409.17791.
    """
    if levels < 2:
        raise ConfigurationError(f"levels is {levels}; expected at least 2.")
    if not 0 < rate <= 1:
        raise ConfigurationError(f"rate is {rate}; expected a share above 0, at most 1.")
    if isinstance(extractor, str) and extractor not in EXTRACTORS:
        raise ConfigurationError(f"There is no extractor {extractor!r}.", fix=nearest(extractor, EXTRACTORS))
    make = EXTRACTORS[extractor] if isinstance(extractor, str) else extractor
    pairs = comparisons(records, "degrade")
    extract = make([as_text(response) for record in pairs for response in record.responses])
    built = Built([], {"records read": len(pairs)})
    for record in pairs:
        row = as_row(record)
        for name, response in (("chosen", record.chosen), ("rejected", record.rejected)):
            texts = levels_of(response, levels=levels, rate=rate, extract=extract)
            row[f"{name}_degraded"] = texts
            built.count(f"{name} responses without key content", int(texts[0] == texts[-1]))
        built.rows.append(row)
    built.count("rows with degraded responses", len(built.rows))
    return built


def levels_of(response: Text, *, levels: int, rate: float, extract: Extractor) -> list[Text]:
    """A response, and copies of it that say less and less.

    Args:
        response: a text, or messages; then each turn loses the same share.
        levels: how many texts, the response included.
        rate: share of the key content that the last one loses.
        extract: finds the key content.

    Example:
        >>> levels_of("b c", levels=2, rate=1.0, extract=lambda words: [(1,), (0,)])
        ['b c', 'b']
    """
    if not isinstance(response, str):
        copies = [deepcopy(response) for _ in range(levels)]
        for place, turn in enumerate(response):
            if isinstance(said := turn.get("content"), str):
                for copy, text in zip(copies, levels_of(said, levels=levels, rate=rate, extract=extract), strict=True):
                    copy[place] = {**turn, "content": text}
        return list(copies)
    words = _WORD.findall(response)
    lead = response[: len(response) - sum(map(len, words))]
    phrases = extract([word.rstrip() for word in words])
    # A response of key words alone keeps one of them on every level, so that it never falls silent.
    spared = (
        {phrases[-1][0]}
        if phrases and {place for phrase in phrases for place in phrase} == set(range(len(words)))
        else set()
    )
    texts: list[Text] = [response]
    for level in range(1, levels):
        # Rounded up, so that a response of a single key word is degraded too; but not for the dust of floating point.
        count = math.ceil(level * rate * len(phrases) / (levels - 1) - 1e-9)
        gone = {place for phrase in phrases[:count] for place in phrase} - spared
        texts.append(lead + "".join(word for place, word in enumerate(words) if place not in gone).rstrip())
    return texts
