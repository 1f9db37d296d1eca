"""Checks of single values of a row: what was found, what was expected, and how to mend it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from penchant.errors import DataError, nearest
from penchant.feedback.records import Message, Source, Text

__all__ = [
    "NOT_ANSWERING",
    "NUMERIC",
    "described",
    "extras",
    "has_words",
    "label",
    "missing",
    "not_empty",
    "number",
    "numbers",
    "response",
    "suggestion",
    "text",
    "whole_numbers",
]

# What other collections call our fields; used to name the column that was probably meant.
_ALSO_CALLED = {
    "prompt": ("question", "instruction", "query", "input", "context", "user"),
    "chosen": ("accepted", "better", "preferred", "winner", "chosen_response", "response_chosen", "positive", "good"),
    "rejected": ("worse", "loser", "dispreferred", "rejected_response", "response_rejected", "negative", "bad"),
    "completion": ("response", "answer", "output", "generation", "text"),
    "label": ("labels", "desirable", "is_good", "thumbs_up", "correct", "feedback"),
    "completions": ("responses", "answers", "outputs", "candidates", "generations"),
    "scores": ("score", "ratings", "rating", "rewards", "ranks", "rank"),
    "messages": ("conversation", "conversations", "dialogue", "chat", "turns"),
}
NOT_ANSWERING = ("user", "system", "developer")
_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
_TRUE, _FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")
_ANY, _NOT_NEGATIVE, _SHARE = (-math.inf, math.inf), (0.0, math.inf), (0.0, 1.0)
NUMERIC = {
    "margin": _ANY,
    "weight": _NOT_NEGATIVE,
    "probability": _SHARE,
    "chosen_score": _ANY,
    "rejected_score": _ANY,
}


def described(value: Any) -> str:
    """The type of a value in plain words, with the value where it is short."""
    names = {bool: "true/false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    if value is None:
        return "nothing (null)"
    name = names.get(type(value), type(value).__name__)
    shown = repr(value)
    return f"{name} ({shown if len(shown) <= 40 else shown[:37] + '...'})"


def suggestion(field: str, columns: Iterable[str]) -> str:
    """Which column was probably meant by a field that is missing, as the option that maps it.

    Example:
        >>> suggestion("chosen", ["prompt", "accepted", "rejected"])
        "Did you mean the column 'accepted'? Map it: --map chosen=accepted (mapping={'chosen': 'accepted'})."
    """
    known = [str(column) for column in columns]
    lower = {column.lower(): column for column in known}
    meant = next((lower[name] for name in _ALSO_CALLED.get(field, ()) if name in lower), None)
    if meant is None:
        # A column that already has a meaning of its own is not a misspelling of another.
        hint = nearest(field, [column for column in known if column not in _ALSO_CALLED])
        if not hint.startswith("Did you mean"):
            return f"Name the column that holds it: --map {field}=COLUMN."
        meant = hint.split("'")[1]
    return f"Did you mean the column {meant!r}? Map it: --map {field}={meant} (mapping={{{field!r}: {meant!r}}})."


def missing(field: str, row: Mapping[str, Any], source: Source, why: str | None = None) -> DataError:
    """The error for a field that a row does not have."""
    columns = [str(column) for column in row]
    found = f"Columns found: {', '.join(columns)}." if columns else "The record has no columns at all."
    return DataError(
        f"The field {field!r} is missing. {found}", where=str(source), why=why, fix=suggestion(field, columns)
    )


def _wrong(field: str, value: Any, expected: str, source: Source, *, why: str = "", fix: str = "") -> DataError:
    return DataError(
        f"{field!r} is {described(value)}, expected {expected}.", where=str(source), why=why or None, fix=fix or None
    )


def has_words(value: Text) -> bool:
    """Whether a text or conversation says anything: something beside white space, a picture, or a call of a tool."""
    if not isinstance(value, list):
        return bool(str(value).strip())  # an image always says something
    return any(
        bool(turn.get("tool_calls"))
        or bool(content.strip() if isinstance(content := turn.get("content"), str) else content)
        for turn in value
    )


def text(row: Mapping[str, Any], field: str, source: Source) -> Text:
    """A text or a list of messages, from a row's field.

    Raises:
        DataError: when the field is missing, null, or neither.

    Example:
        >>> text({"prompt": "Hi"}, "prompt", Source())
        'Hi'
    """
    if field not in row:
        raise missing(field, row, source)
    value = row[field]
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return _messages(value, field, source)
    fix = "Fill it in, or remove the record." if value is None else "Write it as text, or as a list of messages."
    raise _wrong(field, value, "text or a list of {'role', 'content'} messages", source, fix=fix)


def _messages(value: Iterable[Any], field: str, source: Source) -> list[Message]:
    turns = [_message(turn, f"{field}[{at}]", source) for at, turn in enumerate(value)]
    if not turns:
        raise _wrong(field, [], "at least one message", source, fix="Fill it in, or remove the record.")
    return turns


def _message(turn: Any, field: str, source: Source) -> Message:
    if not isinstance(turn, Mapping):
        raise _wrong(field, turn, "a message {'role': ..., 'content': ...}", source)
    if "from" in turn and "value" in turn and "role" not in turn:
        turn = {"role": turn["from"], "content": turn["value"]}
    role, content = turn.get("role"), turn.get("content")
    if not isinstance(role, str) or not role:
        raise _wrong(f"{field}.role", role, "text such as 'user' or 'assistant'", source)
    # Columnar files give every message the keys of all messages, filled with nothing.
    kept = {key: part for key, part in turn.items() if part is not None}
    if not isinstance(content, str | list) and not kept.get("tool_calls"):
        raise _wrong(f"{field}.content", content, "text", source)
    return {**kept, "role": _ROLES.get(role, role)}


def response(value: Text, field: str, source: Source) -> Text:
    """A response, checked to say something, and to hold turns of assistant and tools only.

    Raises:
        DataError: when it is empty or white space only, or holds a turn of someone else.

    Example:
        >>> response("Hello!", "chosen", Source())
        'Hello!'
    """
    other = [] if isinstance(value, str) else [turn["role"] for turn in value if turn["role"] in NOT_ANSWERING]
    if other:
        raise DataError(
            f"The response {field!r} holds a turn of {other[0]!r}, expected turns of assistant and tools only.",
            where=str(source),
            why="A model that is trained on it learns to speak for the other side.",
            fix="Move the history into the prompt, or cut the response before that turn.",
        )
    return not_empty(value, field, source)


def not_empty(value: Text, field: str, source: Source) -> Text:
    """A response, or the conversation that holds it, checked to say something.

    Raises:
        DataError: when it is empty or white space only.

    Example:
        >>> not_empty("Hello!", "chosen", Source())
        'Hello!'
    """
    if not has_words(value):
        raise DataError(
            f"The response {field!r} is empty (white space only).",
            where=str(source),
            why="A model trained on it learns to say nothing.",
            fix="Fill it in, or remove the record.",
        )
    return value


def label(row: Mapping[str, Any], source: Source) -> bool:
    """True or false from ``label``; 0, 1, "true", "false", "yes", "no" are understood.

    Raises:
        DataError: when the field is missing or anything else.

    Example:
        >>> label({"label": "False"}, Source()), label({"label": 1}, Source())
        (False, True)
    """
    if "label" not in row:
        raise missing("label", row, source)
    value = row["label"]
    spelled = str(value).strip().lower()
    if value is not None and spelled in _TRUE + _FALSE:
        return spelled in _TRUE
    raise _wrong(
        "label", value, "true or false (0 and 1 will do)", source,
        why="A judgement says whether the completion is wanted.",
        fix="Turn the values into true for desirable and false for undesirable.",
    )  # fmt: skip


def number(value: Any, field: str, source: Source, bounds: tuple[float, float] = _ANY) -> float:
    """A finite number within bounds (both included).

    Raises:
        DataError: when it is none.

    Example:
        >>> number(1, "weight", Source())
        1.0
    """
    low, high = bounds
    expected = "a finite number" if bounds == _ANY else f"a number of at least {low:g}"
    if math.isfinite(high):
        expected = f"a number from {low:g} to {high:g}"
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        fix = "Write the number without quotes." if isinstance(value, str) else ""
        raise _wrong(field, value, expected, source, fix=fix)
    if not math.isfinite(float(value)) or not low <= float(value) <= high:
        raise _wrong(field, value, expected, source, fix="Mend it, or remove the field.")
    return float(value)


def numbers(values: Any, field: str, count: int, source: Source) -> tuple[float, ...]:
    """One finite number per completion; true and false are 1 and 0.

    Raises:
        DataError: for another type, or another count than that of the completions.
    """
    if not isinstance(values, list | tuple):
        raise _wrong(field, values, f"a list of {count} numbers", source)
    if len(values) != count:
        raise DataError(
            f"{field!r} has {len(values)} entries, but there are {count} completions.",
            where=str(source),
            why="Each completion needs exactly one.",
            fix="Make the two lists equally long.",
        )
    plain = [int(value) if isinstance(value, bool) else value for value in values]
    return tuple(number(value, f"{field}[{at}]", source) for at, value in enumerate(plain))


def whole_numbers(values: Any, field: str, count: int, source: Source) -> tuple[int, ...]:
    """One whole number per completion: its rank.

    Raises:
        DataError: as :func:`numbers`, and for fractions.
    """
    given = numbers(values, field, count, source)
    for at, value in enumerate(given):
        if value != int(value):
            raise _wrong(f"{field}[{at}]", value, "a whole number (1 is best)", source)
    return tuple(int(value) for value in given)


def extras(row: Mapping[str, Any], taken: Iterable[str], source: Source) -> dict[str, Any]:
    """What a row holds beside the fields of its kind, numbers checked, empty cells left out.

    Example:
        >>> extras({"prompt": "Hi", "weight": 2, "note": None}, ["prompt"], Source())
        {'weight': 2.0}
    """
    used = set(taken)
    kept = {str(name): value for name, value in row.items() if name not in used and value is not None}
    for name, bounds in NUMERIC.items():
        if name in kept:
            kept[name] = number(kept[name], name, source, bounds)
    return kept
