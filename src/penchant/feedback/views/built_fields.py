"""Numeric record fields written by `penchant data build` that objectives read directly, without a view."""

from __future__ import annotations

from penchant.feedback.views.view import BUILT_FIELDS

__all__: list[str] = []

for _side in ("chosen", "rejected"):
    # The log-probability per token of the response under each source model.
    BUILT_FIELDS.add(f"{_side}_sources", "sources")
    # The rewards of the other objectives, one per judge.
    BUILT_FIELDS.add(f"{_side}_margin_rewards", "margin-rewards")
    # Characters that count more, and phrases by number.
    BUILT_FIELDS.add(f"{_side}_spans", "spans")
    BUILT_FIELDS.add(f"{_side}_phrases", "spans")

# The probability that the prompt is that of a desirable record.
BUILT_FIELDS.add("prob_desirable", "density-ratio")
