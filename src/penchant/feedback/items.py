"""Construction of a ranking from one answer whose items have a relevance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback import validation
from penchant.feedback.passages import Passage, find_spans
from penchant.feedback.records import Ranking, Source

__all__ = ["is_item_list", "item_list"]

_TEXTS = ("text", "item", "span")


def is_item_list(row: Mapping[str, Any]) -> bool:
    """Whether a row is one answer with items.

    Example:
        >>> is_item_list({"prompt": "Q", "response": "tea, milk", "items": ["tea", "milk"], "relevance": [0, 1]})
        True
    """
    items = row.get("items")
    if not isinstance(items, list | tuple) or not isinstance(row.get("response"), str):
        return False
    return row.get("relevance") is not None or any(isinstance(each, Mapping) and "relevance" in each for each in items)


def item_list(row: Mapping[str, Any], source: Source) -> Ranking:
    """The items of one answer as a ranking: a passage for each item, its relevance as the score.

    The further fields hold ``items``, the span of each item in characters, and ``positions``, its place in the answer.

    Args:
        row: ``prompt``, ``response`` (a text), ``items`` (texts or ``[start, end]``; or objects with ``text`` or
            ``span``, and ``relevance``), ``relevance`` (a number of at least 0 per item).
        source: file and line.

    Raises:
        DataError: an item is not in the answer, overlaps another, or has no relevance; or there are fewer than two.

    Example:
        >>> row = {"prompt": "Q", "response": "tea, milk", "items": ["milk", "tea"], "relevance": [1, 0]}
        >>> item_list(row, Source()).fields["positions"], item_list(row, Source()).scores
        ([2, 1], (1.0, 0.0))
    """
    prompt, text = validation.text(row, "prompt", source), str(row["response"])
    validation.not_empty(text, "response", source)
    given = row["items"]
    if len(given) < 2:
        raise DataError(
            f"'items' has {len(given)} item(s), expected at least 2.",
            where=str(source),
            why="The items of an answer are compared with one another.",
            fix="Remove the record.",
        )
    items = [next((each[name] for name in _TEXTS if name in each), None) if isinstance(each, Mapping) else each
             for each in given]  # fmt: skip
    values = row.get("relevance")
    if values is None:
        values = [each.get("relevance") if isinstance(each, Mapping) else None for each in given]
    relevance = validation.numbers(values, "relevance", len(items), source)
    for at, value in enumerate(relevance):
        validation.number(value, f"relevance[{at}]", source, (0.0, float("inf")))
    spans = find_spans(text, items, "items", source)
    starts = sorted(start for start, _ in spans)
    fields = validation.extras(row, ("prompt", "response", "items", "relevance"), source)
    fields |= {"items": [list(span) for span in spans], "positions": [1 + starts.index(start) for start, _ in spans]}
    passages = tuple(Passage(text, span) for span in spans)
    return Ranking(prompt=prompt, completions=passages, scores=relevance, source=source, fields=fields)
