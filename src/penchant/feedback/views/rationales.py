"""The view ``rationale``: why the chosen response is preferable."""

from __future__ import annotations

from penchant.feedback.rationale import rationale_prompt
from penchant.feedback.records import Comparison, Record, Text
from penchant.feedback.views.field_texts import field_text
from penchant.feedback.views.view import register_view

__all__: list[str] = []


@register_view(
    "rationale",
    needs="a comparison of two responses to one prompt",
    fields=["rationale"],
    builder="rationale",
)
def _rationale(record: Record) -> list[tuple[Text, Text]] | None:
    """The rationale as the response to the prompt that asks which response is preferable."""
    text = field_text(record, "rationale")
    if not isinstance(record, Comparison) or text is None or record.answered[0] != record.answered[1]:
        return None
    return [(rationale_prompt(record), text)]
