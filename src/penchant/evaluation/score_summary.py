"""Means of scored responses, and how well the scores agree with the feedback of each kind."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

from penchant.feedback.kept import chosen
from penchant.statistics import area_interval

__all__ = ["agreement", "means"]

Rows = Sequence[Mapping[str, Any]]
# What a scored response is compared by: the name in the summary, and the key of the response.
COMPARED = {"logp": "mean_logp", "reward": "reward"}
SIDES = {"desirable": True, "undesirable": False}
NOT_SCORES = {"score", "rank"}


def means(rows: Rows) -> dict[str, float]:
    """The mean of each score over all responses.

    Args:
        rows: as in `penchant.evaluation.rows.ScoredRows`.

    Example:
        >>> means([{"responses": [{"logp": -1.0}, {"logp": -3.0}]}])
        {'logp': -2.0}
    """
    first: Mapping[str, Any] = next((response for row in rows for response in row["responses"]), {})
    sums = {name: 0.0 for name in first if name not in NOT_SCORES}
    count = 0
    for row in rows:
        for response in row["responses"]:
            count += 1
            for name in sums:
                sums[name] += response[name]
    return {name: total / count for name, total in sums.items()}


def agreement(rows: Rows, kind: str) -> dict[str, float]:
    """How well log-probabilities per token (``logp``) and implicit rewards (``reward``) agree with the feedback.

    Comparisons: ``accuracy/``, the share whose chosen response has the larger one (equal ones count half), and
    ``margin/``; a row with ``tie`` has no preferred response and is left out.
    Rankings: ``accuracy/`` over all pairs of responses with different scores. Judgements: the means of each label,
    ``NAME/desirable`` and ``NAME/undesirable``, and the number of ``responses/`` of each; ``separation/``, the
    probability that a desirable response has a larger one than an undesirable one (the area under the ROC curve); and
    ``accuracy/reward``, the share of rewards whose sign matches the label.

    Args:
        rows: as in `penchant.evaluation.rows.ScoredRows`.
        kind: kind of the feedback.

    Example:
        >>> good, bad = {"responses": [{"mean_logp": -1.0}]}, {"responses": [{"mean_logp": -2.0}]}
        >>> rows = [{"label": True, **good}, {"label": False, **bad}]
        >>> agreement(rows, "judgement")["separation/logp"]
        1.0
    """
    of_kind = {"comparison": _pairs, "joint comparison": _pairs, "ranking": _lists, "judgement": _labels}
    find: Callable[[Rows], dict[str, float]] | None = of_kind.get(kind)
    return find(rows) if rows and find is not None else {}


def _pairs(every: Rows) -> dict[str, float]:
    rows = [row for row in every if not row.get("tie")] if any(row.get("tie") for row in every) else every
    if not rows:
        return {}
    found = {}
    for name, key in _compared(rows):
        margins = array("d", (row["responses"][0][key] - row["responses"][1][key] for row in rows))
        found[f"accuracy/{name}"] = _share_above(margins)
        found[f"margin/{name}"] = sum(margins) / len(margins)
    return found


def _lists(rows: Rows) -> dict[str, float]:
    found = {}
    for name, key in _compared(rows):
        pairs = (pair for row in rows for pair in permutations(row["responses"], 2))
        above = array("d", (one[key] - two[key] for one, two in pairs if _quality(one) > _quality(two)))
        if above:
            found[f"accuracy/{name}"] = _share_above(above)
    return found


def _labels(rows: Rows) -> dict[str, float]:
    labels = [row.get("label") for row in rows]
    sides = {side: chosen(rows, [at for at, own in enumerate(labels) if own is label]) for side, label in SIDES.items()}
    found: dict[str, float] = {f"responses/{side}": len(own) for side, own in sides.items()}
    for name in means(rows):
        found |= {f"{name}/{side}": means(own)[name] for side, own in sides.items() if own}
    for name, key in _compared(rows):
        wanted, unwanted = (array("d", (row["responses"][0][key] for row in own)) for own in sides.values())
        if wanted and unwanted:
            found[f"separation/{name}"] = area_interval(wanted, unwanted).value
        if name == "reward":
            found["accuracy/reward"] = _share_above([*wanted, *(-reward for reward in unwanted)])
    return found


def _compared(rows: Rows) -> list[tuple[str, str]]:
    return [(name, key) for name, key in COMPARED.items() if key in rows[0]["responses"][0]]


def _quality(response: Mapping[str, Any]) -> float:
    """The score of a response in its ranking, higher is better."""
    return float(response["score"] if "score" in response else -response.get("rank", 0))


def _share_above(values: Sequence[float]) -> float:
    """The share of values above 0; zeros count half."""
    return sum(1.0 if value > 0 else 0.5 if value == 0 else 0.0 for value in values) / len(values)
