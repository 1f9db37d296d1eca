"""Views of the step: sequences put together from two examples of one optimizer step.

The partner of an example is the next other example of its step, cyclically; where the step has no other, the next one
of the plan (`penchant.forest.batching.Plan`). It is fixed before the first step.
"""

from __future__ import annotations

from penchant.feedback.records import Record, Text
from penchant.feedback.views.view import register_view

__all__: list[str] = []


@register_view("mismatched", needs="two examples with responses", crossed="responses")
def _mismatched(record: Record) -> list[tuple[Text, Text]] | None:
    """This example's prompt with its partner's response; a record alone cannot supply it."""
    return None
