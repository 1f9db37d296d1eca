"""Phrases that are marked inside a copy of a text: ``<MASK> phrase </MASK>``."""

from __future__ import annotations

from penchant.errors import DataError
from penchant.feedback.records import Source

__all__ = ["marked_spans"]

_OPEN, _CLOSE = "<MASK>", "</MASK>"


def marked_spans(marked: str, text: str, field: str, source: Source) -> list[tuple[int, int]]:
    """The characters of each marked phrase in the text without marks.

    White space is left out of the comparison, since marks are written with spaces around them.

    Args:
        marked: the text with marks.
        text: the text.
        field: name of the column, for errors.
        source: file and line, for errors.

    Returns:
        First character and one past the last of each phrase, in order.

    Raises:
        DataError: a mark is not closed or not opened, a phrase is empty, or the marked text is another one.

    Example:
        >>> marked_spans("Pour <MASK> hot tea </MASK> now.", "Pour hot tea now.", "chosen_marked", Source())
        [(5, 12)]
    """
    letters, found = "", []
    first, *rest = marked.split(_OPEN)
    if _CLOSE in first:
        raise _unbalanced(field, source)
    letters += _letters(first)
    for part in rest:
        inside, *after = part.split(_CLOSE)
        phrase = _letters(inside)
        if len(after) != 1 or not phrase:
            raise _unbalanced(field, source)
        found.append((len(letters), len(letters) + len(phrase)))
        letters += phrase + _letters(after[0])
    places = [place for place, letter in enumerate(text) if not letter.isspace()]
    if letters != _letters(text):
        raise DataError(
            f"{field!r} without its marks is not the response.",
            where=str(source),
            why=f"It is {marked[:60]!r}, the response {text[:60]!r} (compared without white space).",
            fix=f"Copy the response and put {_OPEN} and {_CLOSE} around its phrases; change nothing else.",
        )
    return [(places[start], places[end - 1] + 1) for start, end in found]


def _letters(text: str) -> str:
    return "".join(text.split())


def _unbalanced(field: str, source: Source) -> DataError:
    return DataError(
        f"A mark in {field!r} is empty, not closed, not opened, or inside another one.",
        where=str(source),
        fix=f"Write each phrase as {_OPEN} phrase {_CLOSE}.",
    )
