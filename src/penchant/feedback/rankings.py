"""Construction of a ranking from a row with several responses and their scores or ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penchant.errors import DataError
from penchant.feedback import validation
from penchant.feedback.conversations import response_to
from penchant.feedback.ranks import given_ranks
from penchant.feedback.records import Ranking, Source, Text

__all__ = ["COMPLETIONS", "ranking"]

Row = Mapping[str, Any]

#: The columns that may contain the responses.
COMPLETIONS = ("completions", "responses")
_SCORES, _RANKS = ("scores", "score", "rewards"), ("ranks", "rank")
_TEXT_KEYS = ("text", "content", "completion", "response", "output", "message")
_SCORE_KEYS, _RANK_KEYS = ("score", "win", "correct", "reward"), ("rank",)


def ranking(row: Row, source: Source) -> Ranking:
    """Build the ranking of a row.

    Args:
        row: field name to value.
        source: file and line, for the record and for errors.

    Raises:
        DataError: a column is missing, of the wrong type, or inconsistent with the others.

    Example:
        >>> ranking({"prompt": "Hi", "responses": ["Hello!", "What?"], "scores": [1, 0]}, Source()).scores
        (1.0, 0.0)
    """
    asked = validation.text(row, "prompt", source)
    column, given = _given(row, source)
    prompt, completions = _answers(asked, given, column, source)
    scores = _values(row, given, _SCORES, _SCORE_KEYS, source)
    ranks = _values(row, given, _RANKS, _RANK_KEYS, source)
    if scores is None and ranks is None:
        raise validation.missing("scores", row, source, "A ranking needs scores or ranks of its completions.")
    count = len(completions)
    return Ranking(
        prompt=prompt,
        completions=completions,
        scores=None if scores is None else validation.numbers(scores, "scores", count, source),
        ranks=None if ranks is None else given_ranks(ranks, count, source),
        source=source,
        fields=_fields(row, given, source),
    )


def _given(row: Row, source: Source) -> tuple[str, Sequence[Any]]:
    """The name of the response column, and its entries, at least two."""
    column = next((name for name in COMPLETIONS if name in row), "completions")
    if column not in row:
        raise validation.missing("completions", row, source)
    given = row[column]
    if not isinstance(given, list | tuple):
        raise DataError(
            f"{column!r} is {validation.described(given)}, expected a list of responses.", where=str(source)
        )
    if len(given) < 2:
        raise DataError(
            f"{column!r} has {len(given)} response(s), expected at least 2.",
            where=str(source),
            why="A ranking compares responses with one another.",
            fix="Remove the record, or give it as a judgement (completion, label).",
        )
    return column, given


def _answers(asked: Text, given: Sequence[Any], column: str, source: Source) -> tuple[Text, tuple[Text, ...]]:
    """The prompt and its responses, at least two of them distinct."""
    texts = [_completion(entry, f"{column}[{at}]", source) for at, entry in enumerate(given)]
    pairs = [response_to(asked, text, f"{column}[{at}]", source) for at, text in enumerate(texts)]
    completions = tuple(validation.response(text, f"{column}[{at}]", source) for at, (_, text) in enumerate(pairs))
    if any(prompt != pairs[0][0] for prompt, _ in pairs):
        raise DataError(
            f"The entries of {column!r} do not all answer the same history.",
            where=str(source),
            fix="Use the same format for all: text, or messages.",
        )
    if all(text == completions[0] for text in completions):
        raise DataError(f"All entries of {column!r} are identical.", where=str(source), fix="Remove the record.")
    return pairs[0][0], completions


def _completion(entry: Any, field: str, source: Source) -> Text:
    if isinstance(entry, Mapping):
        key = next((name for name in _TEXT_KEYS if name in entry), "text")
        return validation.text({**entry, field: entry.get(key)}, field, source)
    return validation.text({field: entry}, field, source)


def _values(row: Row, given: Iterable[Any], columns: tuple[str, ...], keys: tuple[str, ...], source: Source) -> Any:
    """The scores (or ranks) of a ranking, from a separate column or from a key of every completion."""
    column = next((name for name in columns if row.get(name) is not None), None)
    if column is not None:
        return row[column]
    entries = [entry for entry in given if isinstance(entry, Mapping)]
    key = next((name for name in keys if any(name in entry for entry in entries)), None)
    if key is None:
        return None
    return [entry.get(key) if isinstance(entry, Mapping) else None for entry in given]


def _fields(row: Row, given: Iterable[Any], source: Source) -> dict[str, Any]:
    """The unused columns, and the unused keys of every completion."""
    fields = validation.extras(row, ("prompt", *COMPLETIONS, *_SCORES, *_RANKS), source)
    used = {*_TEXT_KEYS, *_SCORE_KEYS, *_RANK_KEYS}
    if any(isinstance(entry, Mapping) and set(entry) - used for entry in given):
        fields["completion_fields"] = [
            {key: value for key, value in entry.items() if key not in used} if isinstance(entry, Mapping) else {}
            for entry in given
        ]
    return fields
