"""Views of a comparison's responses with increasing amounts of their content removed."""

from __future__ import annotations

from functools import partial

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Record, Text
from penchant.feedback.views.field_texts import checked_text
from penchant.feedback.views.view import how_to_make, register_view

__all__: list[str] = []


def _degraded(record: Record, field: str) -> list[tuple[Text, Text]] | None:
    """A response with increasing amounts of its content removed, one text per level."""
    texts = record.fields.get(field)
    if not isinstance(record, Comparison) or texts is None:
        return None
    if not isinstance(texts, list | tuple) or not texts:
        raise DataError(
            f"The field {field!r} is {str(texts)[:40]!r}, expected a list of texts.",
            where=str(record.source),
            fix=how_to_make(field),
        )
    prompt = record.answered[0 if field.startswith("chosen") else 1]
    return [(prompt, checked_text(text, field, record)) for text in texts]


for _field in ("chosen_degraded", "rejected_degraded"):
    register_view(_field, needs="a comparison", fields=[_field], builder="degrade")(partial(_degraded, field=_field))
