"""The judgements of one label: desirable responses to imitate, or undesirable ones."""

from __future__ import annotations

from penchant.feedback.collection import Feedback
from penchant.feedback.records import Demonstration, Judgement, Record
from penchant.feedback.sources import Sources

__all__ = ["of_label"]


def of_label(feedback: Feedback, label: bool) -> Feedback:
    """The judgements of one label; desirable ones become demonstrations. Feedback of other kinds is kept as it is.

    Args:
        feedback: judgements.
        label: true for desirable responses.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": "Hi", "completion": text, "label": text == "Hello!"} for text in ("No.", "Hello!")]
        >>> [each.completion for each in of_label(read(rows), True)], of_label(read(rows), True).kind
        (['Hello!'], 'demonstration')
    """
    if isinstance(feedback, Sources):
        return Sources({name: of_label(each, label) for name, each in feedback.parts.items()}, feedback.weights)
    if feedback.kind != Judgement.kind:
        return feedback
    kept = [record for record in feedback if isinstance(record, Judgement) and record.label == label]
    records: list[Record] = [_demonstration(record) for record in kept] if label else list(kept)
    kind = Demonstration.kind if label else Judgement.kind
    return Feedback(records, kind=kind, name=feedback.name, bad=feedback.bad, origin=feedback.origin)


def _demonstration(record: Judgement) -> Demonstration:
    return Demonstration(
        prompt=record.prompt,
        completion=record.completion,
        source=record.source,
        fields=record.fields,
        tools=record.tools,
        template_arguments=record.template_arguments,
    )
