"""The view ``responses``: all responses of a record, whatever its feedback is (label, scores, ranks)."""

from __future__ import annotations

from penchant.feedback.passages import continued
from penchant.feedback.records import Record, Text
from penchant.feedback.views.view import register_view

__all__: list[str] = []


@register_view("responses", needs="any record with responses", shapes=["binary", "group"])
def _responses(record: Record) -> list[tuple[Text, Text]] | None:
    answered = zip(record.answered, record.responses, strict=True)
    return [(prompt, continued(record, response)) for prompt, response in answered] or None
