"""Rows as annotation tools export them: the answers of several annotators around a row that has a layout of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

from penchant.feedback.known.layout import Layout, Row, empty, filled, unnamed
from penchant.feedback.literals import literal
from penchant.feedback.records import Source

__all__ = ["EXPORTS", "agreed"]

#: The endings of Argilla's columns beside those with the answers.
_BESIDE = (".responses", ".responses.users", ".responses.status", ".suggestion", ".suggestion.agent",
           ".suggestion.score")  # fmt: skip
_BEGINS = re.compile(r"""\[\s*\{\s*['"](?:user_id|value|status)['"]""")
_COUNTED = ("submitted", "completed", None)
#: What an answer of Label Studio stands under.
_ANSWERS = ("selected", "choices", "rating", "text", "number", "ranker")


def agreed(answers: Sequence[Any]) -> Any:
    """What several annotators say: the mean of numbers, else what most say; ``tie`` where as many say something else.

    Example:
        >>> agreed([4, 5]), agreed(["left", "right", "left"]), agreed(["left", "right"]), agreed([])
        (4.5, 'left', 'tie', None)
    """
    if len(answers) < 2:
        return answers[0] if answers else None
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in answers):
        return mean(answers)
    counts = Counter(map(str, answers)).most_common(2)
    if len(counts) == 2 and counts[0][1] == counts[1][1]:
        return "tie"
    return next(each for each in answers if str(each) == counts[0][0])


def _is_label_studio(row: Row) -> bool:
    return isinstance(_open(row.get("data")), Mapping) and isinstance(_open(row.get("annotations")), list | tuple)


def _open(value: Any) -> Any:
    """A cell, or the list or object that a text writes."""
    return literal(value) if isinstance(value, str) and value[:1] in ("[", "{") else value


def _from_label_studio(row: Row, source: Source) -> dict[str, Any]:
    said: dict[str, list[Any]] = {}
    for annotation in _open(row["annotations"]):
        if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
            continue
        for result in annotation.get("result") or ():
            if isinstance(result, Mapping) and not empty(answer := _answer(result.get("value"))):
                said.setdefault(str(result.get("from_name") or result.get("type")), []).append(answer)
    return {**_open(row["data"]), **({"id": row["id"]} if "id" in row else {}), **_named(said)}


def _named(said: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {name: agreed(answers) for name, answers in said.items()}


def _answer(value: Any) -> Any:
    """The answer in a result of Label Studio."""
    if not isinstance(value, Mapping):
        return value
    found = next((value[name] for name in _ANSWERS if name in value), None)
    return found[0] if isinstance(found, list | tuple) and len(found) == 1 else found


def _argilla_columns(row: Row) -> list[str]:
    """The questions of Argilla that annotators answered: columns ``NAME.responses``, or lists of answers with users."""
    new = [name.removesuffix(".responses") for name in row if name.endswith(".responses")]
    return new or [name for name, value in row.items() if _is_answers(value)]


def _is_answers(value: Any) -> bool:
    if isinstance(value, str):  # of a text only what begins like the answers is read
        value = _open(value) if value[:1] == "[" and _BEGINS.match(value) else None
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(each, Mapping) and "user_id" in each and "value" in each for each in value)


def _from_argilla(row: Row, source: Source) -> dict[str, Any]:
    names = _argilla_columns(row)
    said = {name: agreed(list(_answers(row, name))) for name in names}
    kept = unnamed(row, [*names, *(f"{name}{ending}" for name in names for ending in _BESIDE)])
    ranked = next((name for name in names if _ranks(said[name], row)), None)
    if ranked is None:
        return {**kept, **said}
    ranks = _ranks(said.pop(ranked), row)
    entries = [{"text": row[column], "rank": rank} for column, rank in ranks.items()]
    return {**unnamed(kept, ranks), **said, "completions": entries}


def _ranks(answer: Any, row: Row) -> dict[str, Any]:
    """The columns that an answer ranks, with their ranks; empty if it is no ranking of columns."""
    if isinstance(answer, Mapping) and isinstance(answer.get("value"), list | tuple):
        ranks = dict(zip(answer["value"], answer.get("rank") or (), strict=False))
    elif isinstance(answer, list | tuple) and all(isinstance(each, Mapping) for each in answer):
        ranks = {each.get("value"): each.get("rank") for each in answer}
    else:
        return {}
    return ranks if len(ranks) > 1 and all(isinstance(row.get(name), str) for name in ranks) else {}


def _answers(row: Row, name: str) -> Iterable[Any]:
    """The submitted answers to a question."""
    if _is_answers(row.get(name)):
        return (each["value"] for each in _open(row[name]) if each.get("status") in _COUNTED)
    given = _open(row.get(f"{name}.responses")) or ()
    states = _open(row.get(f"{name}.responses.status")) or [None] * len(given)
    return (each for each, state in zip(given, states, strict=False) if state in _COUNTED and each is not None)


EXPORTS = (
    Layout(
        name="Label Studio export",
        columns="`data` (the columns of a layout of this table), `annotations` (`result` with `from_name`, `value`)",
        kind="comparison or judgement or demonstration or prompt",
        says="the answers under from_name are a column: of several annotators what most say, the mean of ratings",
        matches=_is_label_studio,
        convert=_from_label_studio,
        unwraps=True,
    ),
    Layout(
        name="Argilla export",
        columns="the columns of a layout of this table; `NAME.responses` (also `.status`, `.users`), or `NAME` with "
        "objects `user_id`, `value`, `status`",
        kind="comparison or ranking or judgement or demonstration or prompt",
        says="the submitted answers under NAME are the column NAME: what most say, the mean of ratings",
        matches=lambda row: bool(_argilla_columns(row)) and not filled(row, "chosen"),
        convert=_from_argilla,
        unwraps=True,
    ),
)
