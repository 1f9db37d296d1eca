"""Counts in sentences."""

from __future__ import annotations

__all__ = ["count_of"]


def count_of(number: int, thing: str) -> str:
    """A number of things in words, in the singular for one.

    Example:
        >>> count_of(1, "step"), count_of(2000, "step")
        ('1 step', '2,000 steps')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
