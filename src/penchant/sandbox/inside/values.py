"""Values that cross between candidate and examiner: plain ones by content, all others as a handle.

A value of a built-in type, or of a subclass, is sent as its content, so an object that claims to equal everything
arrives as what it is: a handle, which equals nothing plain.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

__all__ = ["DEEPEST", "decoded", "encoded"]

#: Levels of lists in lists that cross; deeper ones are refused.
DEEPEST = 200

_LISTS: dict[str, type] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_TEXTS: dict[str, Any] = {
    "fraction": (Fraction, str, Fraction),
    "decimal": (Decimal, str, Decimal),
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
}
_BUILTIN_TYPES: dict[str, type] = {
    each.__name__: each for each in (bool, int, float, complex, str, bytes, list, tuple, set, dict, object)
}


def encoded(value: Any, handle: Callable[[Any], Any], depth: int = 0) -> Any:
    """A value as JSON holds it.

    Args:
        value: any value.
        handle: what to send for a value that is not plain.

    Raises:
        ValueError: it is nested more than `DEEPEST` levels deep, as one that contains itself.
    """
    if depth > DEEPEST:
        raise ValueError("The value is nested too deeply.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return ["str", str.__str__(value)]
    if isinstance(value, int):
        return ["int", int.__format__(value, "x")]
    if isinstance(value, float):
        return ["float", float.hex(value)]
    if isinstance(value, complex):
        return ["complex", float.hex(complex.__complex__(value).real), float.hex(complex.__complex__(value).imag)]
    if isinstance(value, bytes | bytearray):
        return ["bytearray" if isinstance(value, bytearray) else "bytes", bytes(value).hex()]
    return _collected(value, handle, depth)


def _collected(value: Any, handle: Callable[[Any], Any], depth: int) -> Any:
    for name, kind in _LISTS.items():
        if isinstance(value, kind):
            return [name, [encoded(each, handle, depth + 1) for each in kind.__iter__(value)]]  # type: ignore[attr-defined]
    if isinstance(value, dict):
        pairs = dict.items(value)
        return ["dict", [[encoded(key, handle, depth + 1), encoded(each, handle, depth + 1)] for key, each in pairs]]
    for name, (exactly, written, _read) in _TEXTS.items():
        if type(value) is exactly:
            return [name, written(value)]
    if type(value) is timedelta:
        return ["timedelta", value.days, value.seconds, value.microseconds]
    if type(value) is range:
        return ["range", value.start, value.stop, value.step]
    if isinstance(value, type) and _BUILTIN_TYPES.get(value.__name__) is value:
        return ["type", value.__name__]
    return ["handle", handle(value)]


def decoded(sent: Any, handle: Callable[[Any], Any]) -> Any:
    """The value that was sent; ``handle`` makes the stand-in of one that is not plain.

    Raises:
        ValueError, TypeError, KeyError: it is malformed.
    """
    if sent is None or isinstance(sent, bool):
        return sent
    name, *content = sent
    if name in _LISTS:
        return _LISTS[name](decoded(each, handle) for each in content[0])
    if name == "dict":
        return {decoded(key, handle): decoded(each, handle) for key, each in content[0]}
    if name in _TEXTS:
        return _TEXTS[name][2](str(content[0]))
    if name == "handle":
        return handle(content[0])
    return _SIMPLE[name](*content)


def _complex(real: str, imaginary: str) -> complex:
    return complex(float.fromhex(real), float.fromhex(imaginary))


def _integer(digits: str) -> int:
    return int(digits, 16)


_SIMPLE: dict[str, Callable[..., Any]] = {
    "str": str,
    "int": _integer,
    "float": float.fromhex,
    "complex": _complex,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "timedelta": timedelta,
    "range": range,
    "type": _BUILTIN_TYPES.__getitem__,
}
