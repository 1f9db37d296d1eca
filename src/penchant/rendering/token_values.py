"""Numbers for each token of a response from its record: weights, phrases, and where two responses differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from penchant.errors import DataError
from penchant.feedback.passages import find_span, find_spans
from penchant.feedback.records import Comparison, Record
from penchant.feedback.values import wrong
from penchant.feedback.views.view import how_to_make
from penchant.rendering.characters import covering
from penchant.rendering.marked_text import marked_spans

__all__ = ["TOKEN_COLUMNS", "TOKEN_FIELDS", "Spelled", "differing", "has_token_field", "phrase_ids", "token_weights"]

_SIDES = ("chosen", "rejected")
_WEIGHTS, _PHRASES, _DIFFERS = "token_weights", "phrase_ids", "differs"
#: Fields that the encoder computes, with one number per learned token of the response of one side.
TOKEN_FIELDS = frozenset(f"{side}_{what}" for side in _SIDES for what in (_WEIGHTS, _PHRASES, _DIFFERS))
#: The columns of a record that each kind of field is made of; one of them is needed.
_COLUMNS = {_WEIGHTS: ("token_weights", "spans"), _PHRASES: ("phrases", "marked"), _DIFFERS: ()}
#: All these columns, of both sides.
TOKEN_COLUMNS = frozenset(f"{side}_{each}" for side in _SIDES for columns in _COLUMNS.values() for each in columns)


class Spelled(NamedTuple):
    """A response as text and as tokens.

    Attributes:
        text: the response.
        spans: the characters of each of its T tokens, the end token included (`rendering.characters.token_spans`).
    """

    text: str
    spans: Sequence[tuple[int, int]]

    def places(self, part: tuple[int, int]) -> list[int]:
        """The tokens that share a character with a part of the text; see `rendering.characters.covering`."""
        return [place for place, inside in enumerate(covering(self.spans, self.text, part)) if inside]


def has_token_field(record: Record, field: str) -> bool:
    """Whether a record has what a field of `TOKEN_FIELDS` is computed from.

    Example:
        >>> pair = Comparison(prompt="?", chosen="a", rejected="b", fields={"chosen_spans": []})
        >>> [has_token_field(pair, name) for name in ("chosen_token_weights", "chosen_phrase_ids", "chosen_differs")]
        [True, False, True]
    """
    side, what = field.split("_", 1)
    columns = _COLUMNS[what]
    found = any(record.fields.get(f"{side}_{each}") is not None for each in columns)
    return isinstance(record, Comparison) and (found or not columns)


def _given(record: Record, side: str, what: str) -> tuple[str, Any]:
    """The one column that holds a field's values, and its value."""
    names = [f"{side}_{each}" for each in _COLUMNS[what]]
    found = [(name, value) for name in names if (value := record.fields.get(name)) is not None]
    if not found:
        raise DataError(
            f"The objective needs {' or '.join(map(repr, names))}, which this record does not have.",
            where=str(record.source),
            why="It weighs or selects tokens of the responses.",
            fix=how_to_make(names[-1]) or how_to_make(names[0]) or f"Add a column {names[0]!r}.",
        )
    if len(found) > 1:
        raise DataError(
            f"The record has both {names[0]!r} and {names[1]!r}.",
            where=str(record.source),
            fix="Keep one of them.",
        )
    name, value = found[0]
    if not isinstance(value, str if name.endswith("_marked") else list | tuple):
        raise wrong(name, value, "a text" if name.endswith("_marked") else "a list", record.source)
    return name, value


def token_weights(record: Record, side: str, spelled: Spelled) -> list[float]:
    """The weight of each token: as given, or of the spans that it shares a character with.

    w_t = max(1, weights of the spans at t)

    Columns: ``chosen_token_weights``, one number per token with the end token; or ``chosen_spans``, a list of
    ``[start, end, weight]`` in characters or ``[text, weight]``.

    Args:
        record: the record.
        side: ``chosen`` or ``rejected``.
        spelled: the response of that side.

    Returns:
        [T].

    Raises:
        DataError: neither column is there, or both; a span does not fit the text; a weight is not allowed; or there
            are more or fewer weights than tokens.

    Example:
        >>> pair = Comparison(prompt="?", chosen="tea, milk", rejected="", fields={"chosen_spans": [["milk", 1.2]]})
        >>> token_weights(pair, "chosen", Spelled("tea, milk", [(0, 3), (3, 4), (5, 9), (9, 9)]))
        [1.0, 1.0, 1.2, 1.0]
    """
    column, given = _given(record, side, _WEIGHTS)
    if column.endswith(_WEIGHTS):
        return _listed(column, given, len(spelled.spans), record)
    weights = [1.0] * len(spelled.spans)
    for at, item in enumerate(given):
        name = f"{column}[{at}]"
        part, weight = _split(name, item, "a weight", record)
        weight = _number(name, weight, 1.0, "a weight of at least 1", record)
        for place in spelled.places(find_span(spelled.text, part, name, 0, record.source)):
            weights[place] = max(weights[place], weight)
    return weights


def _listed(column: str, given: Sequence[Any], count: int, record: Record) -> list[float]:
    if len(given) != count:
        raise DataError(
            f"{column!r} has {len(given)} numbers, but the response has {count} tokens.",
            where=str(record.source),
            why="Each token needs one weight, the end token too.",
            fix="Count the tokens with `penchant data tokens`, or give spans of characters instead: "
            f"{column.replace('token_weights', 'spans')!r}.",
        )
    found = [_number(f"{column}[{at}]", each, 0.0, "a number of at least 0", record) for at, each in enumerate(given)]
    if not any(found):
        raise wrong(column, given, "some weight above 0", record.source)
    return found


def phrase_ids(record: Record, side: str, spelled: Spelled) -> list[float]:
    """The number of the phrase that each token belongs to; 0 outside of phrases.

    Columns: ``chosen_phrases``, a list of phrases, each its text, ``[start, end]`` in characters, or either with its
    number (``[start, end, 2]``, ``[text, 2]``), by default its place from 1; or ``chosen_marked``, the response with
    every phrase between ``<MASK>`` and ``</MASK>``. A token that reaches over two phrases belongs to the first.

    Args:
        record: the record.
        side: ``chosen`` or ``rejected``.
        spelled: the response of that side.

    Returns:
        [T] whole numbers.

    Raises:
        DataError: neither column is there, or both; a phrase does not fit the text, or two overlap; a number is not a
            whole one from 1; or a marked text is not the response.

    Example:
        >>> pair = Comparison(prompt="?", chosen="tea, milk", rejected="", fields={"chosen_phrases": ["milk", [0, 3]]})
        >>> phrase_ids(pair, "chosen", Spelled("tea, milk", [(0, 3), (3, 4), (5, 9), (9, 9)]))
        [2.0, 0.0, 1.0, 0.0]
    """
    column, given = _given(record, side, _PHRASES)
    if isinstance(given, str):
        parts: list[Any] = list(marked_spans(given, spelled.text, column, record.source))
        numbers = [float(number) for number in range(1, len(parts) + 1)]
    else:
        parts, numbers = [], []
        for at, item in enumerate(given):
            part, number = _phrase(f"{column}[{at}]", item, at + 1, record)
            parts.append(part)
            numbers.append(number)
    found = [0.0] * len(spelled.spans)
    spans = find_spans(spelled.text, parts, column, record.source)
    for span, number in sorted(zip(spans, numbers, strict=True)):
        for place in spelled.places(span):
            found[place] = found[place] or number
    return found


def _phrase(name: str, item: Any, place: int, record: Record) -> tuple[Any, float]:
    plain = isinstance(item, str) or (
        isinstance(item, list | tuple) and len(item) == 2 and not isinstance(item[0], str)
    )
    if plain:
        return item, float(place)
    part, given = _split(name, item, "a number", record)
    number = _number(name, given, 1.0, "a phrase number, a whole number from 1", record)
    if number != int(number):
        raise wrong(name, given, "a phrase number, a whole number from 1", record.source)
    return part, number


def _split(name: str, item: Any, what: str, record: Record) -> tuple[Any, Any]:
    """An item as its part of the text and the number behind it."""
    if isinstance(item, list | tuple) and len(item) == 3:
        return list(item[:2]), item[2]
    if isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str):
        return item[0], item[1]
    raise wrong(name, item, f"[start, end, {what}] or [text, {what}]", record.source)


def _number(name: str, value: Any, least: float, form: str, record: Record) -> float:
    number = float(value) if hasattr(value, "__float__") and not isinstance(value, bool) else math.nan
    if not (math.isfinite(number) and number >= least):
        raise wrong(name, value, form, record.source)
    return number


def differing(own: Sequence[int], other: Sequence[int]) -> list[float]:
    """1 for each token that differs from the other response's token at the same place, 0 for the others.

    Places beyond the shorter response do not count as different.

    Args:
        own: [T] tokens of a response.
        other: those of the other one.

    Example:
        >>> differing([5, 6, 7, 8], [5, 9, 7])
        [0.0, 1.0, 0.0, 0.0]
    """
    return [float(place < len(other) and token != other[place]) for place, token in enumerate(own)]
