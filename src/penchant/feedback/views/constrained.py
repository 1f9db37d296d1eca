"""Views of a comparison's responses under prompts with other constraints."""

from __future__ import annotations

from functools import partial

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Record, Text
from penchant.feedback.views.field_texts import field_text
from penchant.feedback.views.view import how_to_make, register_view

__all__: list[str] = []


def _under(record: Record, *prompts: str) -> list[Text] | None:
    """The alternative prompts of a comparison from the given fields; None if all are absent."""
    texts = [field_text(record, field) for field in prompts]
    if not isinstance(record, Comparison) or all(text is None for text in texts):
        return None
    for field, text in zip(prompts, texts, strict=True):
        if text is None:
            raise DataError(
                f"The field {field!r} is missing; {', '.join(map(repr, set(prompts) - {field}))} needs it.",
                where=str(record.source),
                fix=how_to_make(field),
            )
    return [text for text in texts if text is not None]


def _constrained(record: Record, side: str, prompts: tuple[str, ...], place: int) -> list[tuple[Text, Text]] | None:
    """A response of a comparison under an alternative prompt."""
    texts = _under(record, *prompts)
    return None if texts is None else [(texts[place], getattr(record, side))]


_CONTRAST, _EXTENDED = ("matching_prompt", "altered_prompt"), ("extended_prompt",)
for _name, _side, _prompts, _place in (
    ("chosen_matching", "chosen", _CONTRAST, 0),
    ("chosen_altered", "chosen", _CONTRAST, 1),
    ("chosen_extended", "chosen", _EXTENDED, 0),
    ("rejected_extended", "rejected", _EXTENDED, 0),
):
    register_view(_name, needs="a comparison", fields=_prompts, builder="prompts")(
        partial(_constrained, side=_side, prompts=_prompts, place=_place)
    )
