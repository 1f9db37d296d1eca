"""The view of the rationale: why the chosen response is the better one."""

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
    """Why the chosen response is the better one, in answer to that question."""
    text = field_text(record, "rationale")
    if not isinstance(record, Comparison) or text is None or record.answered[0] != record.answered[1]:
        return None
    return [(rationale_prompt(record), text)]
