"""What an LLM judge said: its verdict, its scores, its yes or no; and what two verdicts in both orders decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

__all__ = [
    "Several",
    "Verdict",
    "Winner",
    "preference_in",
    "score_in",
    "settled",
    "swapped",
    "two_score_verdict_in",
    "verdict_in",
    "yes_in",
]

#: A verdict on two answers in the order in which they were shown; ``error`` is a text without a verdict.
Verdict = Literal["A", "B", "tie", "error"]
#: The winner of two answers by their own numbers.
Winner = Literal["model_1", "model_2", "tie", "error"]
#: What a text with several different verdicts means.
Several = Literal["last", "order", "error"]

_VERDICTS: dict[str, Verdict] = {"A": "A", "B": "B", "C": "tie"}
_MARKER = re.compile(r"\[\[([ABC])\]\]")
_NUMBER = r"-?\d+(?:\.\d*)?"
_ONE_SCORE = (re.compile(rf"\[\[({_NUMBER})\]\]"), re.compile(rf"\[({_NUMBER})\]"))
_TWO_SCORES = tuple(
    re.compile(rf"{opening}({_NUMBER}),\s?({_NUMBER}){closing}")
    for opening, closing in ((r"\[\[", r"\]\]"), (r"\[", r"\]"))
)
_YES_OR_NO = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_WINNERS: dict[bool, dict[Verdict, Winner]] = {
    False: {"A": "model_1", "B": "model_2", "tie": "tie", "error": "error"},
    True: {"A": "model_2", "B": "model_1", "tie": "tie", "error": "error"},
}
_PREFERENCES: dict[Verdict, float | None] = {"A": 1.0, "tie": 0.5, "B": 0.0, "error": None}


def verdict_in(text: str, several: Several = "last") -> Verdict:
    """The verdict that a text states as ``[[A]]``, ``[[B]]`` or ``[[C]]`` (a tie).

    Args:
        text: what the judge wrote.
        several: what a text with different verdicts means. ``last``: the last one, since a judge that reasons decides
            at the end. ``order``: A before B before C, as FastChat reads it, which favours the answer shown first.
            ``error``: none.

    Example:
        >>> verdict_in("[[A]] but maybe [[B]]"), verdict_in("[[A]] but maybe [[B]]", "order"), verdict_in("Both.")
        ('B', 'A', 'error')

    Reference:
        Zheng et al. (2023), Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena, arXiv:2306.05685.
    """
    found = _MARKER.findall(text)
    if not found or (several == "error" and len(set(found)) > 1):
        return "error"
    return _VERDICTS[min(found) if several == "order" else found[-1]]


def two_score_verdict_in(text: str, tie_delta: float = 0.1) -> Verdict:
    """The verdict of two scores, ``[[8, 7.5]]``; without any, of ``[8, 7.5]``.

    Args:
        text: what the judge wrote.
        tie_delta: scores that differ by no more are a tie.

    Example:
        >>> two_score_verdict_in("[[8, 7]]"), two_score_verdict_in("[7, 7.05]"), two_score_verdict_in("eight")
        ('A', 'tie', 'error')
    """
    found = next((match for pattern in _TWO_SCORES if (match := pattern.search(text))), None)
    if found is None:
        return "error"
    first, second = map(float, found.groups())
    # Scores of one decimal differ by 0.1 only up to rounding.
    if abs(first - second) <= tie_delta + 1e-9:
        return "tie"
    return "A" if first > second else "B"


def score_in(text: str) -> float | None:
    """The score that a text states as ``[[7]]``; without one, as ``[7]``. The last of them; None without any.

    Example:
        >>> score_in("Rating: [[7.5]]"), score_in("[2] of 3 facts are right. [3]"), score_in("seven")
        (7.5, 3.0, None)
    """
    for pattern in _ONE_SCORE:
        if found := pattern.findall(text):
            return float(found[-1])
    return None


def yes_in(text: str) -> bool | None:
    """Whether a text says yes or no; None if it says neither, or both.

    A first word, and an answer in ``<answer>`` tags or after ``Answer:``, decide alone.

    Example:
        >>> yes_in("Yes, it is."), yes_in("<answer>No</answer> Yes, ..."), yes_in("yes and no"), yes_in("Perhaps.")
        (True, False, None, None)
    """
    stated = re.findall(r"(?:<answer>|\banswer:)\s*\W*(yes|no)\b", text, re.IGNORECASE)
    words = stated[-1:] or _YES_OR_NO.findall(text)
    first = re.match(r"\W*(yes|no)\b(?!\s+(?:and|or)\b)", text, re.IGNORECASE)
    if not stated and first:
        words = [first[1]]
    said = {word.lower() for word in words}
    return said == {"yes"} if len(said) == 1 else None


def swapped(verdict: Verdict, second_game: bool) -> Winner:
    """The winner by the answers' own numbers; in the second game the second answer is shown first.

    Example:
        >>> swapped("A", False), swapped("A", True)
        ('model_1', 'model_2')
    """
    return _WINNERS[second_game][verdict]


def settled(winners: Sequence[Winner]) -> Winner:
    """What the games of one pair decide: a winner if all agree, else a tie; an error if one has no verdict.

    A judge that always prefers the answer shown first gives ties only.

    Example:
        >>> settled(["model_1", "model_1"]), settled(["model_1", "model_2"]), settled(["tie", "error"])
        ('model_1', 'tie', 'error')
    """
    if "error" in winners or not winners:
        return "error"
    return winners[0] if len(set(winners)) == 1 else "tie"


def preference_in(first: Verdict, second: Verdict) -> float | None:
    """The probability that the first answer is preferred, from verdicts in both orders.

    p = (p_12 + 1 − p_21) / 2,   where p is 1 for A, 1/2 for a tie and 0 for B

    Args:
        first: of the game in which the first answer is shown first.
        second: of the game in which it is shown second.

    Returns:
        0, 1/4, 1/2, 3/4 or 1; None if one of the games has no verdict.

    Example:
        >>> preference_in("A", "B"), preference_in("A", "A"), preference_in("tie", "B"), preference_in("error", "B")
        (1.0, 0.5, 0.75, None)
    """
    one, other = _PREFERENCES[first], _PREFERENCES[second]
    return None if one is None or other is None else (one + 1.0 - other) / 2
