"""Cells that contain messages or lists as text, opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from penchant.feedback.known.layout import Row, empty
from penchant.feedback.literals import NOT_READ, literal, messages_in
from penchant.feedback.messages import is_message

__all__ = ["opened"]

# Columns that are lists of texts or numbers in every layout that has them.
_LISTS = (
    "completions", "responses", "answers", "generations", "candidates", "scores", "ranks", "ratings", "votes",
    "history", "images", "labels", "items", "relevance", "nodes", "steps", "conversation_history", "image_path",
    "human_preference", "ranking",
)  # fmt: skip
_TEXTS = ("prompt", "chosen", "rejected", "completion", "chosen_prompt", "rejected_prompt")
# Columns of lists of objects, and keys that one of these has.
_ENTRIES = ("messages", "conversations", "conversation", "prompt", "chosen", "rejected", "completion", "completions",
            "responses", "answers", "candidates")  # fmt: skip
_KEYS = {"role", "from", "text", "answer", "response", "content"}
_TURN_LISTS = re.compile(r"(prompt|(response|answer|completion|conversation)_?[a-b0-2])", re.IGNORECASE)


def opened(row: Row) -> dict[str, Any]:
    """A row whose cells with messages or lists as text are lists; an object with ``messages`` is unpacked.

    Example:
        >>> opened({"prompt": "Hi", "chosen": "{'role': 'assistant', 'content': 'Hello!'}"})["chosen"]
        {'role': 'assistant', 'content': 'Hello!'}
        >>> opened({"prompt": "[1]", "scores": "[1, None]"})
        {'prompt': '[1]', 'scores': [1, None]}
    """
    found = {str(name): _opened(str(name), value) for name, value in row.items()}
    for name in _ENTRIES:
        value = found.get(name)
        if isinstance(value, str | Mapping) and (entries := _entries_of(value)):
            found[name] = entries
    for name in _TEXTS:
        value = found.get(name)
        if isinstance(value, Mapping) and isinstance(value.get("messages"), list) and not is_message(value):
            found[name] = value["messages"]
            if not empty(value.get("tools")) and empty(found.get("tools")):
                found["tools"] = value["tools"]
    return {**found, **_turns(found)}


def _opened(name: str, value: Any) -> Any:
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{", "a"):
        return value
    found = literal(value) if name in _LISTS else messages_in(value)
    return value if found is NOT_READ else found


def _entries_of(value: Any) -> list[dict[str, Any]]:
    """The objects of a column that holds a list by key, as older versions of `datasets` write a list of objects."""
    if isinstance(value, str) and value[:1] == "{":
        value = literal(value)
    if not isinstance(value, Mapping) or len(value) < 2 or not _KEYS & set(value):
        return []
    lists = [each for each in value.values() if isinstance(each, list | tuple)]
    if len(lists) < len(value) or not lists[0] or len({len(each) for each in lists}) > 1:
        return []
    return [dict(zip(value, entry, strict=True)) for entry in zip(*lists, strict=True)]


def _turns(row: dict[str, Any]) -> dict[str, Any]:
    """The columns of an A/B table that write one text per turn as a list."""
    named = {name: value for name, value in row.items() if isinstance(value, str) and _TURN_LISTS.fullmatch(name)}
    lists = {name: literal(value) for name, value in named.items() if value[:1] == "["}
    return lists if len(lists) == len(named) > 2 and all(_of_texts(each) for each in lists.values()) else {}


def _of_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(each is None or isinstance(each, str) for each in value)
