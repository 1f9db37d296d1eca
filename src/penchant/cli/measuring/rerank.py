"""How often each way to choose one of several solutions is right, for ``penchant judge --rerank`` and ``generate``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.curation.judged_file import Judged

__all__ = ["Problem", "accuracies", "problem", "right_share", "show_reranked"]

#: The solutions of a problem, their scores, and whether their final numbers are right.
Problem = tuple[Sequence[str], Sequence[float], Sequence[bool]]


def problem(solutions: Sequence[str], scores: Sequence[float | None], answer: str) -> Problem:
    """One problem, with solutions that the judge could not score at 0.

    Scores below 0, such as rewards, are put into (0, 1) by the logistic function, so that they can be added up.

    Args:
        solutions: texts that end with a number.
        scores: one each; None or NaN for none.
        answer: the right number.

    Example:
        >>> problem(["A: 4", "A: 5"], [0.0, -1.0], "4")[1:]
        ([0.5, 0.2689414213699951], [True, False])
    """
    from penchant.rewards.verifiers import RULES

    known = [None if each is None or math.isnan(each) else float(each) for each in scores]
    below = any(each < 0 for each in known if each is not None)
    weights = [0.0 if each is None else 0.5 * (1 + math.tanh(each / 2)) if below else each for each in known]
    return solutions, weights, [bool(RULES["number"](text, answer)) for text in solutions]


def accuracies(problems: Sequence[Problem], chosen: float | None = None) -> dict[str, float]:
    """Print how often each way to choose is right, and give the shares.

    Args:
        problems: see `problem`.
        chosen: the share of right ones among what was chosen; None for no such line.
    """
    from rich.table import Table

    from penchant.inference.solutions import rerank_table

    found = rerank_table(problems)
    table = Table("chosen by", "right", title=f"Final numbers against the answers, {len(problems)} problems")
    if chosen is not None:
        table.add_row("this choice", f"{chosen:.1%}")
    for name, share in found.items():
        table.add_row({"first": "one sample"}.get(name, name), f"{share:.1%}")
    make_console(highlight=False).print(table)
    return found


def show_reranked(found: Judged) -> dict[str, dict[str, float]]:
    """Print by judge how often the solutions that it would choose are right.

    Args:
        found: what the judges say of records with several solutions and an ``answer``.

    Raises:
        ConfigurationError: no judge scores, or no record has an answer and two solutions.
    """
    if not found.scores:
        raise ConfigurationError("No judge gives scores, so none can choose.", where="--rerank")
    from penchant.curation.asked import responses_of

    records = list(found.feedback)
    solutions = [[str(each) for each in responses_of(record)] for record in records]
    answers = [record.fields.get("answer") for record in records]
    places = [at for at, each in enumerate(solutions) if len(each) > 1 and answers[at] is not None]
    if not places:
        raise ConfigurationError(
            "No record has several solutions and an answer.",
            where="--rerank",
            fix="Give problems with answer and responses, such as `penchant generate -n 8` writes.",
        )
    result = {}
    for name, scores in found.scores.items():
        echo(f"Chosen by {name}:")
        result[name] = accuracies([problem(solutions[at], scores[at], str(answers[at])) for at in places])
    if left := len(records) - len(places):
        echo(f"{left} records without several solutions or without an answer are left out.")
    return result


def right_share(rows: Sequence[Mapping[str, Any]], problems: Sequence[Problem]) -> float:
    """The share of right ones among the picked solutions."""
    picked = [row["picked"] is not None and each[2][row["picked"]] for row, each in zip(rows, problems, strict=True)]
    return sum(picked) / len(rows)
