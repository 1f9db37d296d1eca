"""Dialogues written as text, as in Anthropic's HH: ``\\n\\nHuman: ...\\n\\nAssistant: ...``."""

from __future__ import annotations

import re

from penchant.feedback.records import Message

__all__ = ["ASSISTANT", "HUMAN", "turns_of"]

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"

_HEADER = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def turns_of(text: str) -> list[Message] | None:
    """The turns of a dialogue written as text; None if the text has no turn of each side.

    What stands before the first turn is a system turn. An empty last turn, which opens the answer, is left out.

    Example:
        >>> turns_of("\\n\\nHuman: Hi\\n\\nAssistant: Hello!")
        [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Hello!'}]
        >>> turns_of("Hi") is None
        True
    """
    before, *parts = _HEADER.split(text)
    if set(parts[::2]) != set(_ROLES):
        return None
    turns = [{"role": "system", "content": before.strip()}] if before.strip() else []
    turns += [{"role": _ROLES[who], "content": said.strip()} for who, said in zip(parts[::2], parts[1::2], strict=True)]
    return turns if turns[-1]["content"] else turns[:-1]
