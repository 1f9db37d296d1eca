"""A check of columns that say how good a response is, in records that are read without a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penchant.checks.diagnosis import Check
from penchant.checks.duplicates import content_key
from penchant.checks.names import fields_read, name_words
from penchant.feedback.collection import Feedback
from penchant.feedback.known.response_rows import GRADES
from penchant.feedback.spellings import grade, spelled

__all__ = ["LABEL_LIKE", "unread_verdicts"]

#: Name of the check, which a run shows before it starts.
LABEL_LIKE = "columns like a label"

#: Words of columns that judge a response; those of the second set are true of a bad one.
_GOOD = {
    "label", "feedback", "thumb", "thumbs", "liked", "like", "good", "safe", "correct", "helpful", "harmless",
    "accepted", "approved", "acceptable", "valid", "desirable", "verdict", "vote", "passed", "success", "satisfied",
    "upvoted", "preferred", "sentiment",
}  # fmt: skip
_BAD = {"bad", "unsafe", "incorrect", "wrong", "harmful", "rejected", "flagged", "failed", "undesirable", "toxic"}
_GRADES = {
    "rating", "ratings", "score", "stars", "grade", "quality", "reward", "rank", "upvotes", "downvotes", "votes",
}  # fmt: skip
#: A name with one of these words counts or names, and judges nothing.
_ABOUT = {"class", "rate", "rates", "count", "id", "ids", "length", "split"}
_SAMPLE = 500
_START = "The records are read as demonstrations, and every response is imitated."


def unread_verdicts(feedback: Feedback) -> list[Check]:
    """The check for columns of demonstrations that look like a verdict on the response.

    Demonstrations are imitated, all of them. A column ``is_safe`` that is false for some says that these are not to be.

    Args:
        feedback: the records; further columns are in their fields.

    Returns:
        Nothing if nothing was found or the kind was asked for; a warning where words or truth values differ, a note
        for grades.
    """
    if feedback.kind != "demonstration" or feedback.origin.kind is not None:
        return []
    cells: dict[str, list[Any]] = {}
    known = fields_read()
    for record in feedback.records[:_SAMPLE]:
        for name, value in _flat(record.fields):
            cells.setdefault(name, []).append(value)
    prompts = [content_key(record.prompt) for record in feedback.records[:_SAMPLE]]
    several = len(set(prompts)) < len(prompts)
    unread = ((name, values) for name, values in cells.items() if name not in known)
    return [check for name, values in unread if (check := _check(name, values, several)) is not None]


def _flat(fields: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Columns, and the entries of columns that are objects, with their paths."""
    inside = [
        (f"{name}.{key}", each)
        for name, value in fields.items()
        if isinstance(value, Mapping)
        for key, each in value.items()
    ]
    return [*((name, value) for name, value in fields.items() if not isinstance(value, Mapping)), *inside]


def _check(name: str, values: Sequence[Any], several: bool) -> Check | None:
    """The check of a column; ``several``: a prompt has several responses."""
    words = set(name_words(name))
    given = [value for value in values if value is not None and value != ""]
    if not given or words & _ABOUT:
        return None
    said = [spelled(value) if isinstance(value, str | bool | int | float) else None for value in given]
    if words & (_GOOD | _BAD) and None not in said:
        against = sum(each is bool(words & _BAD) for each in said)
        return _verdict(name, against, len(given), good=not words & _BAD) if against else None
    numbers = [number for value in given if (number := grade(value)) is not None]
    if words & _GRADES and len(numbers) == len(given) and len(set(numbers)) > 1:
        detail = f"{_START} This column grades them from {min(numbers):g} to {max(numbers):g}: leave bad ones out, or "
        detail += "write a column label. "
        if several and set(name_words(name)) & set(GRADES):
            detail += f"--kind ranking{_as_score(name)} makes the rows of each prompt a ranking. "
        detail += "--kind demonstration keeps all without this note."
        return Check(LABEL_LIKE, name, "note", detail)
    return None


def _as_score(name: str) -> str:
    """The option without which `--kind ranking` would not read this column."""
    return "" if name in GRADES else f" --map score={name}"


def _verdict(name: str, against: int, total: int, *, good: bool) -> Check:
    """The check of a column that says for some responses that they are bad; ``good``: its truth means a good one."""
    reads = f"--map label={name} reads judgements" if good else "a column label with its opposite makes them judgements"
    detail = (
        f"{_START} This column speaks against {against} of {total}: {reads}, for methods such as kto, and for nll, "
    )
    detail += "which then learns the good ones alone. --kind demonstration keeps all."
    return Check(LABEL_LIKE, name, "warning", detail)
