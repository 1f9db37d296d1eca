"""JSON objects in a text that are not one per line: a list of them, or one after another over several lines."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["loads", "objects"]

_DECODER = json.JSONDecoder()
_WORD = re.compile(r"\S")


def loads(text: str) -> Any:
    """`json.loads`, whose error for a value that is nested too deeply is that for other faults.

    Raises:
        json.JSONDecodeError: the text is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("It is nested too deeply", text, 0) from error


def objects(text: str) -> list[tuple[int, dict[str, Any]]] | None:
    """The objects of a text that is a list of objects, or objects one after another, with the lines they begin on.

    Args:
        text: the content of a file.

    Returns:
        Line numbers from 1, and objects; for a list, their positions from 1. None if the text is neither.

    Example:
        >>> objects('{"prompt":\\n "Hi"}\\n{"prompt": "Bye"}')
        [(1, {'prompt': 'Hi'}), (3, {'prompt': 'Bye'})]
        >>> objects('[{"prompt": "Hi"}]'), objects('{"prompt": "Hi"') is None
        ([(1, {'prompt': 'Hi'})], True)
    """
    found: list[tuple[int, dict[str, Any]]] = []
    at, line = 0, 1
    while (start := _WORD.search(text, at)) is not None:
        line, at = line + text.count("\n", at, start.start()), start.start()
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            return None
        if isinstance(value, list) and not found and value and all(isinstance(each, dict) for each in value):
            return list(enumerate(value, start=1)) if not text[end:].strip() else None
        if not isinstance(value, dict):
            return None
        found.append((line, value))
        line, at = line + text.count("\n", at, end), end
    return found or None
