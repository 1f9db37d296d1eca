"""Element-wise comparison of results with published numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Difference", "as_plain", "differences", "like"]


@dataclass(frozen=True)
class Difference:
    """The comparison of one number or text.

    Args:
        place: its position, for example ``grad.chosen.policy[0][1]``.
        size: the absolute difference; None if the two cannot be subtracted.
        allowed: the tolerance.
        words: description of the found and the expected value.

    Example:
        >>> Difference("loss", 0.1, 1e-6, "is 2.0, expected 2.1").wrong
        True
    """

    place: str
    size: float | None
    allowed: float
    words: str

    @property
    def wrong(self) -> bool:
        """Whether it exceeds the tolerance."""
        return self.size is None or not self.size <= self.allowed


def differences(expected: Any, got: Any, tolerance: float, place: str = "") -> Iterator[Difference]:
    """Compare element by element; null in ``expected`` matches anything.

    |got − expected| ≤ tolerance · max(1, |expected|)

    Args:
        expected: numbers, texts, lists and objects, nested.
        got: the same with at least the keys of ``expected``.
        tolerance: relative above 1, absolute below.
        place: prefix of each position.

    Example:
        >>> [each.place for each in differences({"a": [1.0, None, 3.0]}, {"a": [1.0, 2.0, 4.0]}, 1e-6) if each.wrong]
        ['a[2]']
    """
    if expected is None:
        return
    if isinstance(expected, Mapping):
        for key, value in expected.items():
            inner = f"{place}.{key}" if place else str(key)
            if not isinstance(got, Mapping) or key not in got:
                yield Difference(inner, None, tolerance, "is not among the results")
            else:
                yield from differences(value, got[key], tolerance, inner)
    elif isinstance(expected, list):
        got = _one_list(got)
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            found = len(got) if isinstance(got, list | tuple) else repr(got)
            yield Difference(place, None, tolerance, f"has length {found}, expected {len(expected)}")
            return
        for index, (left, right) in enumerate(zip(expected, got, strict=True)):
            yield from differences(left, right, tolerance, f"{place}[{index}]")
    else:
        yield _difference(expected, got, tolerance, place)


def _one_list(got: Any) -> Any:
    """Both sides of the pairs as one list, the chosen ones first, as published code that joins them gives them."""
    if isinstance(got, Mapping) and list(got) == ["chosen", "rejected"]:
        return [*got["chosen"], *got["rejected"]]
    return got


def _difference(expected: Any, got: Any, tolerance: float, place: str) -> Difference:
    words = f"is {got!r}, expected {expected!r}"
    if isinstance(expected, bool | str) or not isinstance(got, int | float):
        return Difference(place, 0.0 if expected == got else None, tolerance, words)
    same = expected == got or (math.isnan(expected) and math.isnan(got))
    return Difference(place, 0.0 if same else abs(expected - got), tolerance * max(1.0, abs(expected)), words)


def as_plain(value: Any) -> Any:
    """Convert results of any array type to plain numbers and lists.

    Args:
        value: nested objects and lists of numbers, texts and arrays.

    Example:
        >>> as_plain({"a": (1, 2)})
        {'a': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): as_plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value


def like(expected: Any, got: Any) -> Any:
    """``got`` restricted to the keys of ``expected``; all of it if ``expected`` has no keys.

    Args:
        expected: nested objects with the wanted keys.
        got: results.

    Example:
        >>> like({"loss": None, "kl": None}, {"loss": 2.0, "grad": []})
        {'loss': 2.0, 'kl': None}
    """
    if isinstance(expected, list):
        return _one_list(got)
    if not isinstance(expected, Mapping) or not isinstance(got, Mapping):
        return got
    return {key: like(value, got.get(key)) for key, value in expected.items()}
