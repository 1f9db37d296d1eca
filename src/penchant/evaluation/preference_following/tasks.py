"""`PreferenceTask`: a preference and a question that tempts to violate it; read from rows, or built in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Message

__all__ = ["LETTERS", "PreferenceTask", "built_in_distractors", "built_in_tasks", "read_tasks"]

LETTERS = ("A", "B", "C", "D")
ACKNOWLEDGED = "Thank you for telling me. I will keep it in mind."
FIX = (
    "Give preference and question; for the choice task options (four texts) and right (its number from 0, or its text)."
)
# Keys of the implicit form in which the user chooses between options, with the role that says it.
CHOICE_TURNS = (
    ("query", "user"),
    ("assistant_options", "assistant"),
    ("user_selection", "user"),
    ("assistant_acknowledgment", "assistant"),
)


@dataclass(frozen=True)
class PreferenceTask:
    """One item.

    Args:
        preference: what the user prefers, as the user says it.
        question: asked later; the obvious answer violates the preference.
        explanation: why it does, for the reader.
        options: four answers, or none.
        right: the index of the option that follows the preference.
        opening: the turns that show the preference: its statement and an acknowledgement, or an implicit dialogue.
        topic: for tables.
    """

    preference: str
    question: str
    opening: tuple[Message, ...]
    explanation: str = ""
    options: tuple[str, ...] = ()
    right: int = 0
    topic: str = ""


def read_tasks(rows: Iterable[Mapping[str, Any]], source: str = "tasks") -> list[PreferenceTask]:
    """Tasks of rows.

    A row has ``preference``, ``question``, and optionally ``explanation``, ``topic``, ``options`` with ``right``, and
    ``conversation``, which shows the preference without stating it: messages, numbered exchanges of ``user`` and
    ``assistant``, or ``query``, ``assistant_options``, ``user_selection`` and ``assistant_acknowledgment``.
    ``classification_task_options`` and ``aligned_op`` are read as ``options`` and ``right``.

    Args:
        rows: of a file.
        source: its name, for errors.

    Raises:
        DataError: a row lacks a text, or its options are not four different ones with a right one.
    """
    found = [_task(row, f"{source}:{number}") for number, row in enumerate(rows, start=1)]
    if not found:
        raise DataError("There are no tasks.", where=source, fix=FIX)
    return found


def built_in_tasks() -> list[PreferenceTask]:
    """A dozen tasks with options.

    Example:
        >>> built_in_tasks()[0].question
        'How should I get from the mainland to an island for a weekend?'
    """
    return read_tasks(_built_in()["tasks"], "built-in tasks")


def built_in_distractors() -> list[tuple[str, str]]:
    """Exchanges (question and answer) that concern no preference."""
    return [(each["user"], each["assistant"]) for each in _built_in()["distractors"]]


def _built_in() -> dict[str, Any]:
    text = resources.files("penchant.evaluation.preference_following").joinpath("built_in.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _task(row: Mapping[str, Any], where: str) -> PreferenceTask:
    texts = {}
    for key in ("preference", "question"):
        value = row.get(key)
        if not isinstance(value, str) or not value.strip():
            raise DataError(f"The row has no text {key!r}.", where=where, fix=FIX)
        texts[key] = value.strip()
    options = row.get("options", row.get("classification_task_options")) or ()
    if options and (
        not isinstance(options, Sequence) or len({str(each).strip() for each in options}) != 4 or len(options) != 4
    ):
        raise DataError(f"The options are not four different texts: {options!r}.", where=where, fix=FIX)
    shown = row.get("conversation")
    opening = _stated(texts["preference"]) if shown is None else _messages(shown, where)
    return PreferenceTask(
        **texts,
        opening=tuple(opening),
        explanation=str(row.get("explanation") or ""),
        options=tuple(map(str, options)),
        right=_right(row.get("right", row.get("aligned_op")), options, where) if options else 0,
        topic=str(row.get("topic") or ""),
    )


def _right(given: Any, options: Sequence[Any], where: str) -> int:
    """The index of the right option, given as number, letter or text."""
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 4:
        return given
    texts = [str(each).strip() for each in options]
    for known in (texts, list(LETTERS)):
        if isinstance(given, str) and given.strip() in known:
            return known.index(given.strip())
    raise DataError(f"The right option is {given!r}, which is none of the four.", where=where, fix=FIX)


def _stated(preference: str) -> list[Message]:
    return [{"role": "user", "content": preference}, {"role": "assistant", "content": ACKNOWLEDGED}]


def _messages(shown: Any, where: str) -> list[Message]:
    """The turns of an implicit form."""
    found: list[Message] = []
    if isinstance(shown, Mapping) and "query" in shown:
        found = [{"role": role, "content": str(shown[key])} for key, role in CHOICE_TURNS if shown.get(key)]
    elif isinstance(shown, Mapping):
        numbered = sorted(shown.items(), key=lambda each: (len(str(each[0])), str(each[0])))
        for _number, turn in numbered:
            turns = turn if isinstance(turn, Mapping) else {}
            found += [{"role": role, "content": str(turns[role])} for role in ("user", "assistant") if turns.get(role)]
    elif isinstance(shown, Sequence) and all(isinstance(each, Mapping) for each in shown):
        found = [{"role": str(each.get("role")), "content": str(each.get("content"))} for each in shown]
    roles = [each["role"] for each in found]
    if not found or roles != ["user", "assistant"] * (len(found) // 2):
        raise DataError(
            f"The conversation has the turns {', '.join(map(str, roles)) or 'none'}; user and assistant must "
            "alternate, the assistant last.",
            where=where,
            fix="Give messages with role and content, from the user's first turn to the assistant's last.",
        )
    return found
