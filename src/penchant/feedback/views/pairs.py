"""Views of pairs: the chosen and the rejected response, scored alone or jointly with their prompts."""

from __future__ import annotations

from penchant.feedback.passages import continued
from penchant.feedback.records import Comparison, Demonstration, Record, Text
from penchant.feedback.views.view import register_view

__all__: list[str] = []


@register_view(
    "chosen",
    needs="a comparison (its 'chosen') or a demonstration (its 'completion')",
    shapes=["pair"],
    against="rejected",
)
def _chosen(record: Record) -> list[tuple[Text, Text]] | None:
    if isinstance(record, Comparison):
        return [(record.prompt, continued(record, record.chosen))]
    return [(record.prompt, continued(record, record.completion))] if isinstance(record, Demonstration) else None


@register_view("rejected", needs="a comparison (its 'rejected')", shapes=["pair"])
def _rejected(record: Record) -> list[tuple[Text, Text]] | None:
    if not isinstance(record, Comparison):
        return None
    return [(record.answered[1], continued(record, record.rejected))]


# The same texts, with the prompts scored as well.
_JOINT = "a comparison, or a joint comparison"
register_view("chosen_joint", needs=_JOINT, whole=True, shapes=["pair"], against="rejected_joint")(_chosen)
register_view("rejected_joint", needs=_JOINT, whole=True, shapes=["pair"])(_rejected)
