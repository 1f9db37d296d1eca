"""Conversion of comparisons to judgements: chosen is desirable, rejected is undesirable."""

from __future__ import annotations

from penchant.feedback.collection import Feedback
from penchant.feedback.kept import Kept, kept
from penchant.feedback.records import Comparison, Judgement, Record
from penchant.feedback.sources import Sources

__all__ = ["unpaired"]


def unpaired(feedback: Feedback) -> Feedback:
    """Convert every comparison to two judgements, which keep its source and further fields.

    Args:
        feedback: comparisons; feedback of another kind is returned unchanged.

    Returns:
        For each comparison, the judgement of the chosen response, then that of the rejected one.

    Example:
        >>> from penchant.feedback import read
        >>> judged = unpaired(read([{"prompt": "Hi", "chosen": "Hello!", "rejected": "What?"}]))
        >>> [(each.completion, each.label) for each in judged]
        [('Hello!', True), ('What?', False)]
    """
    if isinstance(feedback, Sources):
        return Sources({name: unpaired(each) for name, each in feedback.parts.items()}, feedback.weights)
    records: Kept[Record] = Kept()
    for record in feedback:
        if not isinstance(record, Comparison):
            return feedback
        for prompt, response, label in zip(record.answered, record.responses, (True, False), strict=True):
            judged = Judgement(
                prompt=prompt,
                completion=response,
                label=label,
                source=record.source,
                fields=record.fields,
                tools=record.tools,
                template_arguments=record.template_arguments,
            )
            records.append(judged)
    return Feedback(kept(records), kind=Judgement.kind, name=feedback.name, bad=feedback.bad, origin=feedback.origin)
