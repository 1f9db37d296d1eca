"""Texts among a record's further fields, checked where a view is made of them."""

from __future__ import annotations

from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Record, Text
from penchant.feedback.views.view import how_to_make

__all__ = ["checked_text", "field_text"]


def field_text(record: Record, field: str) -> Text | None:
    """A text (or messages) among the record's further fields; None where it is absent.

    Raises:
        DataError: the field holds something else.

    Example:
        >>> field_text(Record(prompt="Hi", fields={"rationale": "It is polite."}), "rationale")
        'It is polite.'
    """
    value = record.fields.get(field)
    return None if value is None else checked_text(value, field, record)


def checked_text(value: Any, field: str, record: Record) -> Text:
    """A value that must be a text with words, or messages.

    Args:
        value: what the field holds.
        field: its name, for the message.
        record: whose field it is.

    Raises:
        DataError: it is neither.

    Example:
        >>> checked_text("It is polite.", "rationale", Record(prompt="Hi"))
        'It is polite.'
    """
    messages = isinstance(value, list) and value and all(isinstance(turn, dict) and "role" in turn for turn in value)
    if messages or (isinstance(value, str) and value.strip()):
        return value
    raise DataError(
        f"The field {field!r} is {str(value)[:40]!r}, expected a text or messages.",
        where=str(record.source),
        fix=how_to_make(field),
    )
