"""Views of named sources: ``forget`` (data to unlearn), ``idk`` (refusals of it) and ``retain`` (data to keep).

A recipe names the sources, ``data: {forget: a.jsonl, retain: b.jsonl}``; an example is one record of each.
"""

from __future__ import annotations

from penchant.feedback.records import Record, Text
from penchant.feedback.views.field_texts import field_text
from penchant.feedback.views.view import register_view

__all__ = ["PARAPHRASE", "PERTURBED"]

#: Record fields that only measurements of unlearning read: the right answer in other words, and a list of wrong
#: answers. The later names are those of TOFU.
PARAPHRASE = ("paraphrase", "paraphrased_answer")
PERTURBED = ("perturbed", "perturbed_answer", "wrong_answers")


def _only_response(record: Record) -> list[tuple[Text, Text]] | None:
    """The record's prompt and response, if it has exactly one response."""
    return [(record.prompt, record.responses[0])] if len(record.responses) == 1 else None


_NEEDS = "a record with one response (a demonstration)"
for _name in ("forget", "retain"):
    register_view(_name, needs=_NEEDS, source=_name, shapes=["source"])(_only_response)
    register_view(f"{_name}_joint", needs=_NEEDS, source=_name, whole=True)(_only_response)


@register_view(
    "idk",
    needs="a record to forget with a refusal in the field 'idk'",
    fields=["idk"],
    builder="refusals",
    source="forget",
    shapes=["source"],
)
def _refusal(record: Record) -> list[tuple[Text, Text]] | None:
    """The refusal as the response to the record's prompt."""
    text = field_text(record, "idk")
    return None if text is None else [(record.prompt, text)]
