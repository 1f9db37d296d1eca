"""JSON objects in a text that are not one per line: a list of them, or one after another over several lines."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from penchant.documents import DEEPEST, too_deep

__all__ = ["loads", "objects"]

_WORD = re.compile(r"\S")


class _Twice(ValueError):
    """An object has a key twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def loads(text: str) -> Any:
    """`json.loads`, whose error for a value that is nested too deeply, or a key given twice, is that for other faults.

    Raises:
        json.JSONDecodeError: the text is not JSON, is nested too deeply, or has an object with a key twice, of which
            only the last value would be read.

    Example:
        >>> loads('{"prompt": "Hi"}')
        {'prompt': 'Hi'}
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise json.JSONDecodeError("It is nested too deeply", text, 0) from error
    except _Twice as error:
        key = str(error)
        again = text.find(f'"{key}"', text.find(f'"{key}"') + 1)
        raise json.JSONDecodeError(f"The key {key!r} is given twice", text, max(again, 0)) from error
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        raise json.JSONDecodeError(
            f"A number has more than {sys.get_int_max_str_digits():,} digits", text, 0
        ) from error
    # Counted first, because the walk takes longer: a record of a few brackets is not deep.
    if text.count("[") + text.count("{") > DEEPEST and too_deep(value):
        raise json.JSONDecodeError("It is nested too deeply", text, 0)
    return value


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
        except (ValueError, RecursionError):
            return None
        if isinstance(value, list) and not found and value and all(isinstance(each, dict) for each in value):
            return list(enumerate(value, start=1)) if not text[end:].strip() else None
        if not isinstance(value, dict):
            return None
        found.append((line, value))
        line, at = line + text.count("\n", at, end), end
    return found or None
