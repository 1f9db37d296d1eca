"""Views of one-sided data: ``bad``, a response that is known to be bad, ``samples`` and ``fresh``, the model's own."""

from __future__ import annotations

from penchant.errors import DataError
from penchant.feedback.passages import continued
from penchant.feedback.records import Comparison, Judgement, Record, Text
from penchant.feedback.views.field_texts import checked_text
from penchant.feedback.views.view import how_to_make, register_view

__all__: list[str] = []


@register_view("bad", needs="a response that is known to be bad: labelled as undesirable, or rejected")
def _bad(record: Record) -> list[tuple[Text, Text]] | None:
    if isinstance(record, Comparison):
        return [(record.answered[1], continued(record, record.rejected))]
    if isinstance(record, Judgement) and not record.label:
        return [(record.prompt, continued(record, record.responses[0]))]
    return None


@register_view("samples", needs="a prompt with samples of the model", fields=["samples"], builder="samples")
def _samples(record: Record) -> list[tuple[Text, Text]] | None:
    """Each text of the field ``samples`` as a response to the prompt."""
    texts = record.fields.get("samples")
    if texts is None:
        return None
    if not isinstance(texts, list | tuple) or not texts:
        raise DataError(
            f"The field 'samples' is {str(texts)[:40]!r}, expected a list of texts.",
            where=str(record.source),
            fix=how_to_make("samples"),
        )
    return [(record.prompt, checked_text(text, "samples", record)) for text in texts]


@register_view("fresh", needs="a prompt with a response that the policy has just sampled", fields=["fresh"])
def _fresh(record: Record) -> list[tuple[Text, Text]] | None:
    """The text of the field ``fresh`` as a response to the prompt."""
    text = record.fields.get("fresh")
    return None if text is None else [(record.prompt, checked_text(text, "fresh", record))]
