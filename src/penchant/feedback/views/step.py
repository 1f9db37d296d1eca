"""Views of the step: sequences combined from two examples of one optimizer step.

The partner of an example is the next other example of its step, cyclically; if the step has no other example, the
next one of the plan (`penchant.forest.batching.Plan`). Partners are fixed before the first step.
"""

from __future__ import annotations

from penchant.feedback.records import Record, Text
from penchant.feedback.views.view import register_view

__all__: list[str] = []


@register_view("mismatched", needs="two examples with responses", crossed="responses")
def _mismatched(record: Record) -> list[tuple[Text, Text]] | None:
    """This example's prompt with its partner's response; a single record cannot supply it."""
    return None
