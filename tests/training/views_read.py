"""What training has read: the texts of every view, as the scorer of a run gets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from penchant.likelihood import causal

__all__ = ["views_read"]

#: For each view, texts of what is not learned (with the prompt) and of what is.
Read = dict[str, set[tuple[str, str]]]


def views_read(monkeypatch: pytest.MonkeyPatch, model: Path) -> Read:
    """Texts by view, filled while models are trained from now on, without white space."""
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    score, found = causal.score_batch, Read()

    def text(ids: list[int]) -> str:
        return "".join(tokenizer.decode(ids, skip_special_tokens=True).split())

    def reading(scorer: Any, batch: Any, *further: Any) -> Any:
        for view, rows in batch.rows.items():
            for each in (batch.forest.sequences[row] for row in rows.tolist()):
                first = (each.learned_places or [len(each.response)])[0]
                before = [*each.prompt, *each.response[:first]]
                found.setdefault(view, set()).add((text(before), text(each.learned_ids)))
        return score(scorer, batch, *further)

    monkeypatch.setattr(causal, "score_batch", reading)
    return found
