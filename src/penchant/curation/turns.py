"""Adding text to the turns of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Message, Record

__all__ = ["in_user_turns"]


def in_user_turns(prompt: Sequence[Message], record: Record, *, before: str = "", after: str = "") -> list[Message]:
    """A copy of a conversation with text added before the first and after the last user turn.

    Args:
        prompt: messages.
        record: the record of the prompt, for the error message.
        before: text to put before the first user turn.
        after: text to put after the last user turn.

    Raises:
        DataError: the prompt has no user turn.

    Example:
        >>> in_user_turns([{"role": "user", "content": "Hi"}], Record(prompt=""), before="Be kind. ", after="!")
        [{'role': 'user', 'content': 'Be kind. Hi!'}]
    """
    turns = deepcopy(list(prompt))
    own = [turn for turn in turns if turn["role"] == "user"]
    if not own:
        raise DataError("The prompt has no user turn.", where=str(record.source), fix="Remove the record.")
    own[0]["content"] = _extended(own[0].get("content") or "", before, "")
    own[-1]["content"] = _extended(own[-1]["content"], "", after)
    return turns


def _extended(said: str | list[Any], before: str, after: str) -> str | list[Any]:
    """A turn's text, or its list of parts (texts, images), with text added around it."""
    if isinstance(said, str):
        return before + said + after
    first, last = ([{"type": "text", "text": text}] if text else [] for text in (before, after))
    return [*first, *said, *last]
