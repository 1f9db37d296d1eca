"""The views ``mixed`` and ``replay`` of detectors: a partly rewritten text, and one of a reward model's own domain."""

from __future__ import annotations

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Record, Text
from penchant.feedback.views.field_texts import field_text
from penchant.feedback.views.view import register_view

__all__: list[str] = []


@register_view("mixed", needs="a comparison with the field 'mixed'", fields=("mixed",), builder="mixed-texts")
def _mixed(record: Record) -> list[tuple[Text, Text]] | None:
    """The text between the two of a comparison, as a response to its prompt."""
    text = field_text(record, "mixed")
    if not isinstance(record, Comparison) or text is None:
        return None
    return [(record.prompt, text)]


@register_view(
    "replay", needs="the fields 'replay_prompt' and 'replay'", fields=("replay_prompt", "replay"), builder="replay"
)
def _replay(record: Record) -> list[tuple[Text, Text]] | None:
    """A response of other data under its own prompt."""
    prompt, text = field_text(record, "replay_prompt"), field_text(record, "replay")
    if prompt is None and text is None:
        return None
    if prompt is None or text is None:
        raise DataError(
            f"The field {'replay_prompt' if prompt is None else 'replay'!r} is missing beside the other one.",
            where=str(record.source),
            fix="Give both, a prompt and a response of the data of the reward model, or neither.",
        )
    return [(prompt, text)]
