"""PrefEval: four checks of an answer give one of four errors or none; the accuracy of a choice of four."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penchant.errors import DataError
from penchant.statistics import Interval, share_interval

__all__ = ["ERRORS", "Checks", "choice_accuracy", "error_of", "rates"]

#: The errors; an answer has at most one.
ERRORS = ("unaware violation", "hallucinated-preference violation", "inconsistent", "unhelpful")


@dataclass(frozen=True)
class Checks:
    """What a judge says about an answer to a question, given a preference stated earlier.

    Args:
        acknowledges: the answer mentions the preference.
        hallucinated: the mentioned preference is not the stated one; counts only if ``acknowledges``.
        violates: the answer goes against the stated preference.
        helpful: the answer helps with the question.
    """

    acknowledges: bool
    hallucinated: bool
    violates: bool
    helpful: bool


def error_of(checks: Checks) -> str | None:
    """The error of an answer, one of `ERRORS`, or None if it follows the preference.

    Reference:
        Zhao et al. (2025), Do LLMs Recognize Your Preferences?, arXiv:2502.09597.
    """
    if not checks.helpful:
        return "unhelpful"
    if not checks.violates:
        return None
    if not checks.acknowledges:
        return "unaware violation"
    return "hallucinated-preference violation" if checks.hallucinated else "inconsistent"


def rates(several: Sequence[Checks]) -> dict[str, Interval]:
    """The accuracy and the rate of each error, in [0, 1], with Wilson's 95 % intervals; the values add up to 1.

    Raises:
        DataError: there are no answers.
    """
    if not several:
        raise DataError("There are no checked answers.", fix="Give the checks of one answer or more.")
    found = [error_of(each) for each in several]
    names: dict[str, str | None] = {"accuracy": None, **{each: each for each in ERRORS}}
    return {name: share_interval(found.count(error) / len(found), len(found)) for name, error in names.items()}


def choice_accuracy(chosen: Sequence[str | None], right: Sequence[str]) -> Interval:
    """The share of questions with the right one of the options A to D, with Wilson's 95 % interval.

    Args:
        chosen: one letter per question; None where the answer holds no choice, which counts as wrong.
        right: the letter of the option that follows the preference.

    Raises:
        DataError: there are no questions, the numbers differ, or a letter is not one of A to D.
    """
    if not right or len(chosen) != len(right):
        raise DataError(f"There are {len(chosen)} choices for {len(right)} questions.", fix="Give one per question.")
    for place, each in enumerate([*right, *(each for each in chosen if each is not None)]):
        if each not in ("A", "B", "C", "D"):
            raise DataError(f"{each!r} is not an option.", where=f"letter {place + 1}", fix="Write A, B, C or D.")
    hits = sum(one == other for one, other in zip(chosen, right, strict=True))
    return share_interval(hits / len(right), len(right))
