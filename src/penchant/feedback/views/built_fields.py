"""Record fields that `penchant data build` writes and that no view is made of: objectives read them as numbers."""

from __future__ import annotations

from penchant.feedback.views.view import BUILT_FIELDS

__all__: list[str] = []

for _side in ("chosen", "rejected"):
    # The log-probability per token of the response under each source model.
    BUILT_FIELDS.add(f"{_side}_sources", "sources")
