"""The view ``gold``: the best response to a comparison's prompt, from a field of the record."""

from __future__ import annotations

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Record, Text
from penchant.feedback.views.field_texts import field_text
from penchant.feedback.views.view import register_view

__all__: list[str] = []


@register_view("gold", needs="a comparison with the field 'gold'", fields=("gold",), builder="triples")
def _gold(record: Record) -> list[tuple[Text, Text]] | None:
    gold = field_text(record, "gold")
    if not isinstance(record, Comparison) or gold is None:
        return None
    for side in ("chosen", "rejected"):
        if gold == getattr(record, side):
            raise DataError(
                f"The gold response is the {side} one.",
                where=str(record.source),
                why="A method with three responses learns nothing from it that a pair would not say.",
                fix="Give a third response as 'gold', remove the record, or use an objective for pairs (cpo).",
            )
    return [(record.prompt, gold)]
