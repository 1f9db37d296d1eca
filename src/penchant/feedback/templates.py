"""`ColumnTemplate`: a text put together from several columns of a row, ``{instruction}\\n\\n{input}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from penchant.errors import DataError
from penchant.feedback.nested import ABSENT, NestedColumn
from penchant.feedback.validation import described

__all__ = ["ColumnTemplate", "placeholders"]

_PARAGRAPHS = re.compile(r"(\n(?:[ \t]*\n)+)")
_PARTS = re.compile(r"(\{\{|\}\}|\{[^{}]*\})")


def placeholders(text: str) -> list[str]:
    """The names in braces of a template; doubled braces are braces of the text.

    Example:
        >>> placeholders("{question} in {{braces}}")
        ['question']
    """
    return [part[1:-1] for part in _PARTS.split(text)[1::2] if part not in ("{{", "}}")]


class ColumnTemplate:
    """A text with columns in braces.

    An empty or absent column leaves no gap: a paragraph (what stands between blank lines) whose columns are all empty
    is left out with what is written around them, so is a line of a paragraph, and the white space before an empty
    column in a line. White space inside the columns stays.

    Args:
        text: the template; ``{{`` and ``}}`` are braces of the text.
        columns: for each name in braces, the column.

    Example:
        >>> names = {name: NestedColumn(name) for name in ("instruction", "input")}
        >>> template = ColumnTemplate("{instruction}\\n\\nInput: {input}", names)
        >>> template.value({"instruction": "Add.", "input": "1 + 1"}, "a.jsonl:1")
        'Add.\\n\\nInput: 1 + 1'
        >>> template.value({"instruction": "Add.", "input": ""}, "a.jsonl:2")
        'Add.'
    """

    def __init__(self, text: str, columns: Mapping[str, NestedColumn]) -> None:
        self.columns = dict(columns)
        # Paragraphs at even places, the blank lines between them at odd ones.
        self.paragraphs = _PARAGRAPHS.split(text)

    def value(self, row: Mapping[str, Any], place: str) -> str | None:
        """The text for a row; None if all its columns are empty.

        Raises:
            DataError: a column holds something other than a text or a number.
        """
        values = {name: _as_text(name, column.value(row), place) for name, column in self.columns.items()}
        if not any(values.values()):
            return None
        return _joined([_paragraph(each, values) for each in self.paragraphs[::2]], self.paragraphs[1::2])


def _as_text(name: str, value: Any, place: str) -> str:
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, str):
        return value if value.strip() else ""
    if isinstance(value, int | float):
        return str(value)
    raise DataError(
        f"A template uses the column {name!r}, which is {described(value)}, expected text.",
        where=place,
        fix=f"Name what is inside with a path, {{{name}.KEY}} or {{{name}.0.KEY}}; map messages without a template.",
    )


def _paragraph(text: str, values: Mapping[str, str]) -> str | None:
    """The lines of a paragraph; None if its columns are all empty."""
    lines = [_line(each, values) for each in text.split("\n")]
    kept = [each for each in lines if each is not None]
    named = placeholders(text)
    return None if not kept or (named and not any(values[name] for name in named)) else "\n".join(kept)


def _line(text: str, values: Mapping[str, str]) -> str | None:
    """A line with its columns filled in; None if it has columns and all are empty."""
    written, filled, empty, gap = "", False, False, False
    for at, part in enumerate(_PARTS.split(text)):
        if at % 2 and part not in ("{{", "}}"):
            value = values[part[1:-1]]
            filled, empty, gap = filled or bool(value), empty or not value, not value
            written = written + value if value else written.rstrip(" \t")
        elif at % 2:
            written += part[0]  # a doubled brace
        else:
            written += part.lstrip(" \t") if gap and not written else part
    return None if empty and not filled else written


def _joined(paragraphs: list[str | None], gaps: list[str]) -> str:
    """Paragraphs with the blank lines before them, except before the first that is kept."""
    text: str | None = None
    for at, paragraph in enumerate(paragraphs):
        if paragraph is not None:
            text = paragraph if text is None else text + gaps[at - 1] + paragraph
    return text or ""
