"""Extraction of the final numeric answer from a text, and comparison of numbers."""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["answer_in", "canonical_answer", "same_number"]

# Optional sign, thousands with commas or plain digits, decimals, and a fraction: -1,234.50 or 3/4.
# A hyphen after a digit or a word is a minus operator or a hyphen, not a sign.
_NUMBER = re.compile(r"(?:(?<![\w.)])[-−])?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+)(?:\s*/\s*\d+(?:\.\d+)?)?")
# A number of more digits than any memory holds.
_VAST = re.compile(r"[eE][-+]?\d{5}")
# Answer markers, from the most to the least explicit.
# Their time is linear in the text, however it is made; tests/test_linear_time.py runs every expression of the package.
_SIGNS = (
    re.compile(r"####\s*(.+)"),
    re.compile(r"\\boxed\{([^{}]*)\}"),
    # White space of this line alone: across lines, every one of many empty lines would search all that follow.
    re.compile(r"(?im)^[^\S\n]*A\s*:\s*(.+)$"),
    re.compile(r"(?i)\banswer\s*(?:is|:|=)\s*(.+)"),
)


def answer_in(text: str) -> str | None:
    """The final numeric answer of a text.

    The number after the last ``####``, in the last ``\\boxed{}``, after a line's ``A:`` or after "answer is"; without
    these markers, the last number in the text. Calculator annotations such as ``<<2*3=6>>`` are ignored.

    Args:
        text: a worked solution, or only a number.

    Returns:
        The number as written, or None if there is none.

    Example:
        >>> answer_in("16 - 7 = <<16-7=9>>9 eggs. She makes $18 a day.\\n#### 18"), answer_in("It is 1,234.50 in all.")
        ('18', '1,234.50')
    """
    plain = re.sub(r"<<[^<>]*>>", "", text)
    for sign in _SIGNS:
        announced = sign.findall(plain)
        found = _NUMBER.findall(announced[-1]) if announced else []
        if found:
            return found[0].strip()
    found = _NUMBER.findall(plain)
    return found[-1].strip() if found else None


def canonical_answer(text: str) -> str | None:
    """The value of the final numeric answer of a text, so that texts with equal answers give equal values.

    Args:
        text: a worked solution, or only a number.

    Returns:
        An integer or a fraction; None if there is no number, or one of more digits than any memory holds.

    Example:
        >>> canonical_answer("It is 1,000."), canonical_answer("A: 1000.0"), canonical_answer("0.75")
        ('1000', '1000', '3/4')
    """
    found = answer_in(text)
    value = None if found is None else _value(found)
    return None if value is None else str(value)


def same_number(first: str, second: str) -> bool:
    """Whether two numbers are equal in value, regardless of notation.

    Args:
        first, second: numbers with signs, thousands separators, decimals or as fractions.

    Returns:
        True if they are equal; False if they differ or one of them is not a number.

    Example:
        >>> same_number("1,000", "1000.0"), same_number("3/4", "0.75"), same_number("−5", "5"), same_number("no", "1")
        (True, True, False, False)
    """
    left, right = _value(first), _value(second)
    return left is not None and left == right


def _value(text: str) -> Fraction | None:
    cleaned = text.replace(",", "").replace("−", "-").replace("$", "").replace("%", "").replace(" ", "").rstrip(".")
    if _VAST.search(cleaned):
        return None
    over, _, under = cleaned.partition("/")
    try:
        return Fraction(over) / Fraction(under or "1")
    except (ValueError, ZeroDivisionError):
        return None
