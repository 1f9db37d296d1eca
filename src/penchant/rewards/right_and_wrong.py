"""Preference pairs from verified solutions: a right solution is preferred to a wrong one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from penchant.errors import DataError
from penchant.feedback.kept import Kept, kept
from penchant.rewards.answer_rules import as_answer
from penchant.rewards.verifiers import Verifier

__all__ = ["right_and_wrong"]


def right_and_wrong(
    rows: Iterable[Mapping[str, Any]],
    *,
    rule: str | Callable[[str, str], bool] = "number",
    per_prompt: int | None = None,
    seed: int = 0,
) -> Sequence[dict[str, Any]]:
    """Build preference pairs from problems with several solutions each by verifying every solution.

    Args:
        rows: records with ``prompt``, ``answer`` and ``responses`` (or ``samples``, as `penchant generate` writes
            several), a list of texts or of objects with a ``text``.
        rule: how a solution is verified, as for `Verifier`; boxes are right from an overlap of 0.5 on.
        per_prompt: maximum number of pairs per prompt, sampled at random; None for all pairs.
        seed: seed of the sampling.

    Returns:
        Records ``{"prompt", "chosen", "rejected", "answer"}`` (and ``id`` if the row has one); many are on disk. A
        prompt whose solutions are all right or all wrong yields no pair.

    Raises:
        DataError: a row lacks a field, or a field has the wrong type.

    Example:
        >>> right_and_wrong([{"prompt": "2+2=", "answer": "4", "responses": ["4", "5"]}])
        [{'prompt': '2+2=', 'chosen': '4', 'rejected': '5', 'answer': '4'}]
    """
    rng, records = random.Random(seed), Kept[dict[str, Any]]()
    for number, row in enumerate(rows, start=1):
        pairs = _pairs(row, _texts(row, number), rule, f"record {number}")
        if per_prompt is not None and len(pairs) > per_prompt:
            pairs = rng.sample(pairs, per_prompt)
        named = {"id": row["id"]} if "id" in row else {}
        records.extend(
            {"prompt": row["prompt"], "chosen": good, "rejected": bad, "answer": as_answer(row["answer"]), **named}
            for good, bad in pairs
        )
    return kept(records)


def _pairs(
    row: Mapping[str, Any], texts: Sequence[str], rule: str | Callable[[str, str], bool], where: str
) -> list[tuple[str, str]]:
    """Every distinct right solution with every distinct wrong one."""
    try:
        # Boxes are right or wrong here, from the usual half of overlap on.
        verifier = Verifier([(row["prompt"], row["answer"])], rule, threshold=0.5 if rule == "iou" else None)
    except DataError as error:
        raise DataError(error.what, where=where, why=error.why, fix=error.fix) from error
    scored = list(zip(texts, verifier.score(row["prompt"], texts), strict=True))
    right, wrong = ([text for text, score in scored if score == wanted] for wanted in (1.0, 0.0))
    return list(product(dict.fromkeys(right), dict.fromkeys(wrong)))


def _texts(row: Mapping[str, Any], number: int) -> list[str]:
    several = "samples" if row.get("responses") in (None, "", []) and "samples" in row else "responses"
    for name in ("prompt", "answer", several):
        if row.get(name) in (None, "", []):
            raise DataError(
                f"The record has no {name!r} (it has: {', '.join(map(str, row))}).",
                where=f"record {number}",
                fix="Every record needs prompt, answer and responses.",
            )
    responses = row[several]
    if not isinstance(responses, list | tuple):
        raise DataError(
            f"{several!r} is {type(responses).__name__}, expected a list of texts.",
            where=f"record {number}",
            fix='Write it as a list: "responses": ["4", "6"].',
        )
    texts = [each.get("text") if isinstance(each, Mapping) else each for each in responses]
    if not all(isinstance(text, str) for text in texts):
        raise DataError(f"{several!r} is not a list of texts, or of objects with a 'text'.", where=f"record {number}")
    return [str(text) for text in texts]
