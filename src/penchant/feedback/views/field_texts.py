"""Texts from a record's further fields, validated for views that are built from them."""

from __future__ import annotations

from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Record, Text
from penchant.feedback.views.view import how_to_make

__all__ = ["checked_text", "field_text"]


def field_text(record: Record, field: str) -> Text | None:
    """A text (or messages) from the record's further fields; None if the field is absent.

    Raises:
        DataError: the field is neither a text nor messages.

    Example:
        >>> field_text(Record(prompt="Hi", fields={"rationale": "It is polite."}), "rationale")
        'It is polite.'
    """
    value = record.fields.get(field)
    return None if value is None else checked_text(value, field, record)


def checked_text(value: Any, field: str, record: Record) -> Text:
    """A value validated to be a non-empty text or messages.

    Args:
        value: the value of the field.
        field: the name of the field, for the message.
        record: the record that has the field.

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
