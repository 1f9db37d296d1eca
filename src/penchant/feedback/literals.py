"""Lists and objects that are written as text: JSON, or the literals of Python that pandas writes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from penchant.feedback.roles import CALLS, ROLES

__all__ = ["NOT_READ", "garbled_messages", "literal", "messages_in"]

#: A text holds no list and no object.
NOT_READ: Any = object()

# Python literals are read into a syntax tree of about a hundred times their size.
_LONGEST_PYTHON = 1_000_000
_DEEPEST = 100
_BRACKET = re.compile(r"[\[\](){}]")
# What numpy writes between the entries of an array: a line break without a comma.
_NUMPY_GAP = re.compile(r"\}[^\S\n]*\n\s*\{")
_KEYS = "role|from|author|content|value|parts|messages|conversations|weight|name|tool_calls"
_SAID = ("content", "value", "parts", "tool_calls", "candidates")
_MESSAGES = re.compile(rf"""\s*(?:array\(\s*)?(?:\[\s*)?\{{\s*(?:'|")(?:{_KEYS})(?:'|")\s*:""")
_SPEAKER = re.compile(r"""(?:'|")(?:role|from|author)(?:'|")\s*:\s*(?:'|")(\w+)""")
_SAYS = re.compile(r"""(?:'|")(?:content|value|parts)(?:'|")\s*:""")


def literal(text: str) -> Any:
    """The list or object that a text writes as JSON or as a Python literal; `NOT_READ` if it is none.

    Size and depth of what is read are bounded; nothing is evaluated.

    Example:
        >>> literal("[1, null]"), literal("{'role': 'user', 'content': None}"), literal("[1,") is NOT_READ
        ([1, None], {'role': 'user', 'content': None}, True)
    """
    bare = text.strip()
    if bare[:1] not in ("[", "{") or bare[-1:] not in ("]", "}") or _depth(bare) > _DEEPEST:
        return NOT_READ
    try:
        found = json.loads(bare)
    except ValueError:
        found = _python(bare)
    return found if isinstance(found, list | dict) else NOT_READ


def _python(text: str) -> Any:
    if len(text) > _LONGEST_PYTHON:
        return NOT_READ
    # A text in a Python literal contains no line break, so that a break between braces is one between entries.
    for written in (text, _NUMPY_GAP.sub("}, {", text)):
        try:
            return ast.literal_eval(written)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return NOT_READ


def _depth(text: str) -> int:
    """The deepest nesting of brackets; those inside of texts count too."""
    depth = deepest = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found.group() in "[({" else -1
        deepest = max(deepest, depth)
    return deepest


def messages_in(text: str) -> Any:
    """The messages, the one message, or the object with messages that a text writes; `NOT_READ` if it is none.

    Example:
        >>> messages_in("[{'role': 'user', 'content': 'Hi'}]")
        [{'role': 'user', 'content': 'Hi'}]
        >>> messages_in('{"role": "admin", "content": "all"}') is NOT_READ, messages_in("[1]") is NOT_READ
        (True, True)
    """
    if _MESSAGES.match(text) is None:
        return NOT_READ
    found = literal(text)
    if isinstance(found, list):
        return found if found and all(_is_message(turn) for turn in found) else NOT_READ
    if not isinstance(found, dict):
        return NOT_READ
    turns = found.get("messages")
    held = isinstance(turns, list) and bool(turns) and all(_is_message(turn) for turn in turns)
    # A single object with a role may be data about something else, unless the role is one of a conversation.
    return found if held or (_is_message(found) and _speaker(found) in (*ROLES, *CALLS)) else NOT_READ


def garbled_messages(text: str) -> bool:
    """Whether a text begins as messages begin, with a known role, but cannot be read.

    Example:
        >>> garbled_messages('[{"role": "user", "content": "Hi'), garbled_messages('{"from": "May", "value": 2}')
        (True, False)
    """
    if _MESSAGES.match(text) is None or literal(text) is not NOT_READ:
        return False
    roles = {found.lower() for found in _SPEAKER.findall(text)}
    return bool(roles & set(ROLES)) and _SAYS.search(text) is not None


def _speaker(turn: Mapping[str, Any]) -> str:
    role = turn.get("role") or turn.get("from") or turn.get("author")
    return role.strip().lower() if isinstance(role, str) else ""


def _is_message(turn: Any) -> bool:
    """Whether a value has who speaks and what they say."""
    said = isinstance(turn, Mapping) and any(
        name in turn for name in ("content", "value", "parts", "tool_calls", "candidates")
    )
    return said and bool(_speaker(turn))
