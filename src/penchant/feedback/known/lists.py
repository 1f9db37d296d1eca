"""Layouts of several responses to one prompt, with scores, ratings or ranks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback.known.layout import Layout, Row, empty, figure, unnamed
from penchant.feedback.known.prompts import asked, has_prompt
from penchant.feedback.messages import is_message
from penchant.feedback.records import Source

__all__ = ["LISTS"]

_LISTS = ("completions", "answers", "responses", "generations", "outputs", "candidates")
_TEXTS = ("response", "answer", "text", "completion", "content", "output", "generation", "message")
_SCORES = ("overall_score", "fine-grained_score", "pm_score", "score")
_RATED = ("generations", "generation", "completions", "responses", "answers", "outputs", "candidates")
_RATINGS = ("ratings", "rating", "scores", "rewards", "ranks", "votes")


def _entries(row: Row) -> str | None:
    """The column with a list of objects, each a response with a score or a rank."""
    for name in _LISTS:
        given: Any = row.get(name)
        objects = isinstance(given, list | tuple) and bool(given) and all(isinstance(each, Mapping) for each in given)
        if objects and not any(is_message(each) for each in given) and any(key in given[0] for key in _TEXTS):
            return name
    return None


def _scored(row: Row) -> str | None:
    """The key of the entries that scores them, if the entries are not in our form already."""
    column = _entries(row)
    if column is None:
        return None
    keys = [key for key in (*_SCORES, "rank") if any(key in each for each in row[column])]
    ours = column in ("completions", "responses") and keys[:1] == ["score"] and "prompt" in row
    return None if ours or not keys else keys[0]


def _is_scored(row: Row) -> bool:
    column, key = _entries(row), _scored(row)
    ours = column in ("completions", "responses") and "prompt" in row and key == "rank"
    return key is not None and has_prompt(row) and not ours


def _from_scored(row: Row, source: Source) -> dict[str, Any]:
    column, key = _entries(row), _scored(row)
    assert column is not None and key is not None
    prompt, used = asked(row, source)
    lowest = min((each["rank"] for each in row[column] if isinstance(each.get("rank"), int | float)), default=1)
    entries = [_entry(each, key, 1 if lowest == 0 else 0, source) for each in row[column]]
    return {"prompt": prompt, **unnamed(row, [*used, column]), "completions": entries}


def _entry(given: Row, key: str, shift: int, source: Source) -> dict[str, Any]:
    """A response in our form: ``text``, and ``score`` or ``rank`` (from 1)."""
    name = next((name for name in _TEXTS if name in given), "text")
    value = None if empty(given.get(key)) else figure(given[key], key, source)
    if key == "rank" and value is not None:
        value += shift
    return {**unnamed(given, [name, key]), "text": given.get(name), "rank" if key == "rank" else "score": value}


def _rated(row: Row) -> tuple[str, str] | None:
    """The columns with texts and with their numbers, unless both have our names."""
    for texts in (name for name in _RATED if name in row):
        for ratings in _RATINGS:
            given, values = row.get(texts), row.get(ratings)
            if not isinstance(given, list | tuple) or not isinstance(values, list | tuple) or len(given) != len(values):
                continue
            ours = (
                "prompt" in row and texts in ("completions", "responses") and ratings in ("scores", "ranks", "rewards")
            )
            return None if ours or any(isinstance(each, Mapping) for each in given) else (texts, ratings)
    return None


def _is_rated(row: Row) -> bool:
    return _rated(row) is not None and has_prompt(row) and "chosen" not in row


def _from_rated(row: Row, source: Source) -> dict[str, Any]:
    texts, ratings = _rated(row) or ("", "")
    prompt, used = asked(row, source)
    pairs = zip(row[texts], row[ratings], strict=True)
    partial = ratings == "ranks"  # a response without a rank is not among the best
    kept = [
        (text, None if empty(value) else figure(value, ratings, source))
        for text, value in pairs
        if not empty(text) and (partial or not empty(value))
    ]
    if len(kept) < 2:
        raise DataError(
            f"Of {len(row[texts])} {texts}, {len(kept)} have a rating; expected at least 2.",
            where=str(source),
            why="A ranking compares responses with one another.",
            fix="Remove the record.",
        )
    field = "ranks" if ratings == "ranks" else "scores"
    ranked = {"completions": [text for text, _ in kept], field: [score for _, score in kept]}
    return {"prompt": prompt, **unnamed(row, [*used, texts, ratings]), **ranked}


LISTS = (
    Layout(
        name="responses as objects",
        used_by="UltraFeedback, Nectar, Stack-Exchange preferences, NeMo, Google Vertex preference tuning",
        columns="a prompt (`prompt`, `instruction`, `question`, `context`, `messages`, `contents`, ...); "
        "`completions`, `answers` or `responses`: objects with `response`, `answer`, `text` or `completion` (a text "
        "or a message), and `overall_score`, `fine-grained_score`, `pm_score`, `score` or `rank` (from 0 or 1)",
        kind="ranking",
        says="overall_score decides (else fine-grained_score, pm_score, score or rank)",
        matches=_is_scored,
        convert=_from_scored,
    ),
    Layout(
        name="generations with ratings",
        used_by="Argilla, distilabel",
        columns="`instruction`, `input`, `question`, ...; `generations` (or `answers`, `outputs`, `candidates`, "
        "`responses`), `ratings` (or `scores`, `rewards`, `votes`; null: not rated) or `ranks` (null: not among the "
        "best)",
        kind="ranking",
        says="the numbers decide; a response without a rating is left out, one without a rank comes last",
        matches=_is_rated,
        convert=_from_rated,
    ),
)
