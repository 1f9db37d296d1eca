"""Validation of the fields of a row, with errors that state the value found, the type expected and the fix."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from penchant.errors import DataError, nearest
from penchant.feedback.literals import garbled_messages
from penchant.feedback.messages import is_message, normal_messages
from penchant.feedback.records import Source, Text
from penchant.feedback.spellings import spelled
from penchant.feedback.values import described, whole, without_nulls, wrong

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
]

# Common names of our fields in other data sets; used to suggest the column that was probably meant.
_ALSO_CALLED = {
    "prompt": (
        "question",
        "instruction",
        "query",
        "input",
        "context",
        "user",
        "input_text",
        "caption",
        "human",
        "problem",
    ),
    "chosen": ("accepted", "better", "preferred", "winner", "chosen_response", "response_chosen", "positive", "good"),
    "rejected": ("worse", "loser", "dispreferred", "rejected_response", "response_rejected", "negative", "bad"),
    "completion": ("response", "answer", "output", "generation", "assistant", "output_text", "text"),
    "label": ("labels", "desirable", "is_good", "thumbs_up", "correct", "feedback"),
    "completions": ("responses", "answers", "outputs", "candidates", "generations"),
    "scores": ("score", "ratings", "rating", "rewards", "ranks", "rank"),
    "messages": ("conversation", "conversations", "dialogue", "chat", "turns"),
}
_SHOWS_NOTHING = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad " + "\t\n\r\u00a0"
NOT_ANSWERING = ("user", "system", "developer")
_ANY, _NOT_NEGATIVE, _SHARE = (-math.inf, math.inf), (0.0, math.inf), (0.0, 1.0)
NUMERIC = {
    "margin": _ANY,
    "weight": _NOT_NEGATIVE,
    "probability": _SHARE,
    "chosen_score": _ANY,
    "rejected_score": _ANY,
}


def suggestion(field: str, columns: Iterable[str]) -> str:
    """A hint that names the column probably meant by a missing field, with the option that maps it.

    Example:
        >>> suggestion("chosen", ["prompt", "accepted", "rejected"])
        "Did you mean the column 'accepted'? Map it: --map chosen=accepted (mapping={'chosen': 'accepted'})."
    """
    known = [str(column) for column in columns]
    lower = {column.lower(): column for column in known}
    meant = next((lower[name] for name in _ALSO_CALLED.get(field, ()) if name in lower), None)
    if meant is None:
        # A column that is itself a known field is not a misspelling of another one.
        hint = nearest(field, [column for column in known if column not in _ALSO_CALLED])
        if not hint.startswith("Did you mean"):
            return f"Name its column: --map {field}=COLUMN."
        meant = hint.split("'")[1]
    return f"Did you mean the column {meant!r}? Map it: --map {field}={meant} (mapping={{{field!r}: {meant!r}}})."


def missing(field: str, row: Mapping[str, Any], source: Source, why: str | None = None) -> DataError:
    """The error for a missing field."""
    columns = [str(column) for column in row]
    found = f"Columns found: {', '.join(columns)}." if columns else "The record has no columns."
    return DataError(
        f"The field {field!r} is missing. {found}", where=str(source), why=why, fix=suggestion(field, columns)
    )


def has_words(value: Text) -> bool:
    """Whether a text or conversation has content: text that can be seen, an image, or a tool call.

    Example:
        >>> has_words("Hi"), has_words("\\u200b \\n")
        (True, False)
    """
    if not isinstance(value, list):
        return _visible(str(value))  # an image always has content
    return any(
        bool(turn.get("tool_calls"))
        or (_visible(content) if isinstance(content := turn.get("content"), str) else bool(content))
        for turn in value
    )


def _visible(text: str) -> bool:
    """Whether a text has more than white space and characters that show nothing, such as the zero-width space."""
    return bool(text.strip().strip(_SHOWS_NOTHING))


def text(row: Mapping[str, Any], field: str, source: Source) -> Text:
    """A text or a list of messages, from a row's field.

    Raises:
        DataError: the field is missing, null, or neither of the two.

    Example:
        >>> text({"prompt": "Hi"}, "prompt", Source())
        'Hi'
    """
    if field not in row:
        raise missing(field, row, source)
    value = row[field]
    if isinstance(value, str):
        if garbled_messages(value):
            raise _unread_messages(value, field, source)
        return str(whole(value, field, source))
    if is_message(value):
        value = [value]
    if isinstance(value, list | tuple):
        return normal_messages(value, field, source)
    fix = "Fill it in, or remove the record." if value is None else "Write it as text, or as a list of messages."
    raise wrong(field, value, "text or a list of {'role', 'content'} messages", source, fix=fix)


def _unread_messages(value: str, field: str, source: Source) -> DataError:
    """The error for a text that begins like messages and was not read as messages."""
    return DataError(
        f"{field!r} is text that looks like messages but cannot be read as such: {value.strip()[:60]!r}.",
        where=str(source),
        why="A model trained on it learns to write brackets and roles.",
        fix="Write messages {'role', 'content'} as JSON, or remove the record.",
    )


def response(value: Text, field: str, source: Source, *, every_turn: bool = False) -> Text:
    """A response, checked to have content and only turns of the assistant and of tools.

    Args:
        value: the response.
        field: its field, for the message.
        source: file and line.
        every_turn: allow other turns between those of the assistant, as context.

    Raises:
        DataError: it is empty or only white space, or has a turn with another role.

    Example:
        >>> response("Hello!", "chosen", Source())
        'Hello!'
    """
    turns = [] if isinstance(value, str) else [value[0], value[-1]] if every_turn else value
    other = [turn["role"] for turn in turns if turn["role"] in NOT_ANSWERING]
    if other:
        raise DataError(
            f"The response {field!r} has a turn of {other[0]!r}, expected only turns of assistant and tools.",
            where=str(source),
            why="A model trained on it learns to write the user's turns.",
            fix="Move the history into the prompt, or cut the response before that turn; to learn every turn of the "
            "assistant, with the others as context: train_on: assistant (--train-on assistant).",
        )
    return not_empty(value, field, source)


def not_empty(value: Text, field: str, source: Source) -> Text:
    """A response, or the conversation that contains it, checked to have content.

    Raises:
        DataError: it is empty or only white space.

    Example:
        >>> not_empty("Hello!", "chosen", Source())
        'Hello!'
    """
    if not has_words(value):
        raise DataError(
            f"The response {field!r} is empty (only white space).",
            where=str(source),
            why="A model trained on it learns to give empty answers.",
            fix="Fill it in, or remove the record.",
        )
    return value


def label(row: Mapping[str, Any], source: Source) -> bool:
    """The boolean ``label``; 1 and 0, "yes" and "no", "good" and "bad" and other common spellings are accepted.

    Raises:
        DataError: the field is missing or has another value.

    Example:
        >>> label({"label": "False"}, Source()), label({"label": 1}, Source())
        (False, True)
    """
    if "label" not in row:
        raise missing("label", row, source)
    value = row["label"]
    good = spelled(value)
    if good is not None:
        return good
    raise wrong(
        "label", value, "true or false (or 1 and 0, \"good\" and \"bad\", ...)", source,
        why="The label marks the completion as desirable or undesirable.",
        fix="Convert the values to true (desirable) and false (undesirable).",
    )  # fmt: skip


def number(value: Any, field: str, source: Source, bounds: tuple[float, float] = _ANY) -> float:
    """A finite number within inclusive bounds.

    Raises:
        DataError: the value is not such a number.

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
        raise wrong(field, value, expected, source, fix=fix)
    try:
        found = float(value)
    except OverflowError:  # an integer of more than 308 digits
        found = math.inf
    if not math.isfinite(found) or not low <= found <= high:
        raise wrong(field, value, expected, source, fix="Correct it, or remove the field.")
    return found


def numbers(values: Any, field: str, count: int, source: Source) -> tuple[float, ...]:
    """One finite number per completion; true and false count as 1 and 0.

    Raises:
        DataError: the value is not a list of numbers, or the list does not have one entry per completion.
    """
    if not isinstance(values, list | tuple):
        raise wrong(field, values, f"a list of {count} numbers", source)
    if len(values) != count:
        raise DataError(
            f"{field!r} has {len(values)} entries, but there are {count} completions.",
            where=str(source),
            why="Each completion needs exactly one.",
            fix="Give both lists the same length.",
        )
    plain = [int(value) if isinstance(value, bool) else value for value in values]
    return tuple(number(value, f"{field}[{at}]", source) for at, value in enumerate(plain))


def extras(row: Mapping[str, Any], taken: Iterable[str], source: Source) -> dict[str, Any]:
    """The further fields of a row: numbers are validated, empty cells are dropped.

    Example:
        >>> extras({"prompt": "Hi", "weight": 2, "note": None}, ["prompt"], Source())
        {'weight': 2.0}
    """
    used = set(taken)
    kept = {str(name): without_nulls(value) for name, value in row.items() if name not in used and value is not None}
    for name, value in kept.items():
        whole(value, whole(name, "a name of a column", source), source)
    for name, bounds in NUMERIC.items():
        if name in kept:
            kept[name] = number(kept[name], name, source, bounds)
    return kept
