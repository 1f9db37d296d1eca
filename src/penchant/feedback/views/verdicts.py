"""Views of an evaluator of solutions: each of the two words as the answer to whether a solution is correct."""

from __future__ import annotations

from penchant.feedback.records import Comparison, Judgement, Record, Text
from penchant.feedback.verdict import WORDS, verdict_prompt
from penchant.feedback.views.view import register_view

__all__: list[str] = []


def _register(name: str, word: str, side: str | None) -> None:
    needs = "a judgement of a solution" if side is None else "a comparison of a right solution with a wrong one"

    @register_view(name, needs=needs, words=True)
    def texts(record: Record) -> list[tuple[Text, Text]] | None:
        if side is None:
            solution = record.completion if isinstance(record, Judgement) else None
        else:
            solution = getattr(record, side) if isinstance(record, Comparison) else None
        return None if solution is None else [(verdict_prompt(record.prompt, solution), word)]


for _called, _word in zip(("correct", "incorrect"), WORDS, strict=True):
    _register(f"called_{_called}", _word, None)
    _register(f"chosen_called_{_called}", _word, "chosen")
    _register(f"rejected_called_{_called}", _word, "rejected")
