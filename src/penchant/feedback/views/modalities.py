"""The views ``first_modality`` to ``third_modality``: texts about one thing that are read apart."""

from __future__ import annotations

from penchant.feedback.records import Demonstration, Record, Text, as_text
from penchant.feedback.views.field_texts import field_text
from penchant.feedback.views.view import register_view

__all__ = ["READ_APART"]

#: The prompt under which every text is read; some tokenizers write nothing for an empty one.
READ_APART = "Text:"


def _apart(text: Text | None) -> list[tuple[Text, Text]] | None:
    """A text under the same prompt as all others; None without a text."""
    if text is None or not as_text(text).strip():
        return None
    return [(READ_APART, as_text(text))]


@register_view("first_modality", needs="a single response (its prompt), or the field 'first_modality'")
def _first(record: Record) -> list[tuple[Text, Text]] | None:
    return _apart(field_text(record, "first_modality") or record.prompt)


@register_view("second_modality", needs="a single response, or the field 'second_modality'")
def _second(record: Record) -> list[tuple[Text, Text]] | None:
    own = record.completion if isinstance(record, Demonstration) else None
    return _apart(field_text(record, "second_modality") or own)


@register_view("third_modality", needs="the field 'third_modality'", fields=("third_modality",))
def _third(record: Record) -> list[tuple[Text, Text]] | None:
    return _apart(field_text(record, "third_modality"))
