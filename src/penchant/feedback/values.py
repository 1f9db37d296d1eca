"""Values in words for errors, and nested values without nulls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Source

__all__ = ["described", "shown_value", "whole", "without_nulls", "wrong"]


def described(value: Any) -> str:
    """The type of a value in plain words, with the (abbreviated) value."""
    names = {bool: "true/false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    if value is None:
        return "nothing (null)"
    name = names.get(type(value), type(value).__name__)
    shown = shown_value(value)
    return f"{name} ({shown if len(shown) <= 40 else shown[:37] + '...'})"


def shown_value(value: Any) -> str:
    """``repr``, also of what Python refuses to write: integers of thousands of digits, values that are too deep."""
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return "..."


def wrong(field: str, value: Any, expected: str, source: Source, *, why: str = "", fix: str = "") -> DataError:
    """The error for a field with an unexpected value."""
    return DataError(
        f"{field!r} is {described(value)}, expected {expected}.", where=str(source), why=why or None, fix=fix or None
    )


def without_nulls(value: Any) -> Any:
    """A value in which no object has a key with null, at any depth; entries of lists stay.

    Columnar files fill every object with the keys of all others. A key with null and an absent key are the same here,
    so that a record is the same in every format.

    Example:
        >>> without_nulls({"name": "tram", "arguments": {"stop": "S0", "day": None}, "ids": [1, None]})
        {'name': 'tram', 'arguments': {'stop': 'S0'}, 'ids': [1, None]}
    """
    if isinstance(value, Mapping):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(part) for part in value]
    return value


def whole(value: Any, field: str, source: Source) -> Any:
    """A value, checked to contain only whole characters in its texts, at any depth.

    Raises:
        DataError: a text contains half a character (a lone surrogate), which no tokenizer and no file can hold.
    """
    if isinstance(value, str):
        if not value.isascii() and (half := next((c for c in value if "\ud800" <= c <= "\udfff"), None)):
            raise DataError(
                f"{field!r} contains half a character (the lone surrogate {half!a}) at character "
                f"{value.index(half) + 1}.",
                where=str(source),
                why="The text was cut inside a character; it cannot be encoded.",
                fix="Remove the half, or the record.",
            )
    elif isinstance(value, Mapping):
        for key, part in value.items():
            whole(part, f"{field}.{key}", source)
    elif isinstance(value, list | tuple):
        for at, part in enumerate(value):
            whole(part, f"{field}[{at}]", source)
    return value
