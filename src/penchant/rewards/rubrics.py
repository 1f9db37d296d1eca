"""The scores that a judge gives by a rubric: the JSON object in its answer, and the weighted mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from penchant.documents import json_document
from penchant.rewards.judge_prompts import Criterion

__all__ = ["rubric_score_in"]


def rubric_score_in(text: str, criteria: Sequence[Criterion]) -> float | None:
    """The weighted mean of the last JSON object that has a number within its scale for each criterion.

    score = Σ w_i (s_i − lowest_i) / (highest_i − lowest_i) / Σ w_i,   in [0, 1]

    A missing criterion is no 0: the answer cannot be used.

    Args:
        text: what the judge wrote.
        criteria: of the rubric.

    Returns:
        The score; None if no object has all criteria.

    Example:
        >>> rules = [Criterion("truth", 3.0), Criterion("tone", 1.0)]
        >>> rubric_score_in('Fine. {"truth": 5, "tone": 1}', rules), rubric_score_in('{"truth": 5}', rules)
        (0.75, None)
    """
    scores = [found for each in _objects(text) if (found := _mean(each, criteria)) is not None]
    return scores[-1] if scores else None


def _mean(given: dict[str, Any], criteria: Sequence[Criterion]) -> float | None:
    named = {str(name).strip().lower(): value for name, value in given.items()}
    total = 0.0
    for each in criteria:
        value = named.get(each.name.lower())
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        if not each.lowest <= value <= each.highest:
            return None
        total += each.weight * (value - each.lowest) / (each.highest - each.lowest)
    return total / sum(each.weight for each in criteria)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The objects of JSON without inner objects that stand in a text."""
    start = -1
    for place, character in enumerate(text):
        if character == "{":
            start = place
        elif character == "}" and start >= 0:
            try:
                found = json_document(text[start : place + 1])
            except ValueError:
                found = None
            if isinstance(found, dict):
                yield found
            start = -1
