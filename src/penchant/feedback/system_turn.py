"""The field `system`: a text that becomes the system turn of a record's conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Source
from penchant.feedback.validation import described

__all__ = ["with_system"]

_SYSTEM = ("system", "developer")
_ASKING = (*_SYSTEM, "user", "human", "prompter")
#: These columns may hold a whole conversation.
_CONVERSATIONS = ("messages", "chosen", "rejected", "completion")


def with_system(row: Mapping[str, Any], place: Source) -> dict[str, Any] | DataError:
    """A row whose text ``system`` is the first turn of its conversation.

    A prompt that is a text becomes a conversation of two turns, system and user. Responses that repeat the conversation
    get the turn too, those that hold only an answer do not. An empty text adds nothing. A row without prompt and
    conversation keeps its column.

    Args:
        row: field name to value.
        place: file and line, for errors.

    Returns:
        The row, or the error of a row that has another system turn already.

    Example:
        >>> with_system({"system": "Be brief.", "prompt": "Hi"}, Source())["prompt"]
        [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Hi'}]
    """
    text = row.get("system")
    if text is None or (isinstance(text, str) and not text.strip()):
        return {name: value for name, value in row.items() if name != "system"}
    if not isinstance(text, str):
        return DataError(f"'system' is {described(text)}, expected text.", where=str(place))
    fields = [name for name in _CONVERSATIONS if _is_conversation(row.get(name)) and _role(row[name]) in _ASKING]
    if row.get("prompt") is not None:
        fields.append("prompt")
    if not fields:
        return dict(row)
    changed = {name: value for name, value in row.items() if name != "system"}
    try:
        return changed | {name: _led(row[name], text, name, place) for name in fields}
    except DataError as error:
        return error


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)


def _role(conversation: Any) -> str:
    """The role of the first turn."""
    return str(conversation[0].get("role", conversation[0].get("from", ""))).lower()


def _led(value: Any, text: str, field: str, place: Source) -> Any:
    """A prompt or conversation with the system turn in front."""
    turn = {"role": "system", "content": text}
    if isinstance(value, str):
        return [turn, {"role": "user", "content": value}]
    if not _is_conversation(value):
        return value  # reported as a field of the wrong type
    if _role(value) not in _SYSTEM:
        return [turn, *value]
    first = value[0]
    found = first.get("content", first.get("value"))
    if found == text:
        return value
    raise DataError(
        f"{field!r} begins with the system text {str(found)[:40]!r}, and the mapping of 'system' gives {text[:40]!r}.",
        where=str(place),
        why="Only one of them can be the system turn.",
        fix="Remove the mapping of 'system', or one of the texts.",
    )
