"""`Reading`: numbers from the answers of an LLM judge to one question, over its samples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from penchant.generation.chat_answers import ChatAnswer
from penchant.rewards.answerers import share_of
from penchant.rewards.judge_prompts import Criterion
from penchant.rewards.rubrics import rubric_score_in
from penchant.rewards.verdicts import Several, Verdict, score_in, two_score_verdict_in, verdict_in

__all__ = ["Reading", "log_odds", "majority", "preferences_from"]

_FIRST: dict[Verdict, float] = {"A": 1.0, "tie": 0.5, "B": 0.0, "error": math.nan}
# Probabilities of words are kept off 0 and 1, so that the log-odds stay finite.
_EDGE = 1e-12


@dataclass(frozen=True)
class Reading:
    """How answers are read; see the settings of `penchant.rewards.llm.LLMJudge`.

    Args:
        by: ``text``, ``scores`` or ``probabilities``.
        several: which of several verdicts counts.
        tie_delta: ratings that differ by no more are a tie.
        scale: lowest and highest rating; a rating beyond them is none.
        criteria: of a rubric.
    """

    by: str
    several: Several
    tie_delta: float
    scale: tuple[float, float]
    criteria: Sequence[Criterion] = ()

    def first_wins(self, answers: Sequence[ChatAnswer]) -> float:
        """The probability that the answer shown first is better; NaN without a verdict."""
        if self.by == "probabilities":
            share = share_of(answers[0].first, ("A", "B"))
            return math.nan if share is None else share
        return _FIRST[majority([self._verdict(each.text) for each in answers])[0]]

    def rating(self, answers: Sequence[ChatAnswer]) -> float:
        """The mean rating, or the log-odds of Yes; NaN if no answer has a rating."""
        if self.by == "probabilities":
            share = share_of(answers[0].first, ("Yes", "No"))
            return math.nan if share is None else log_odds(share)
        found = [value for each in answers if (value := self._rated(each.text)) is not None]
        return fmean(found) if found else math.nan

    def _verdict(self, text: str) -> Verdict:
        return two_score_verdict_in(text, self.tie_delta) if self.by == "scores" else verdict_in(text, self.several)

    def _rated(self, text: str) -> float | None:
        if self.criteria:
            return rubric_score_in(text, self.criteria)
        found = score_in(text)
        return found if found is not None and self.scale[0] <= found <= self.scale[1] else None


def log_odds(share: float) -> float:
    """log p / (1 − p), kept finite at 0 and 1.

    Example:
        >>> log_odds(0.5), round(log_odds(1.0), 1)
        (0.0, 27.6)
    """
    kept = min(max(share, _EDGE), 1 - _EDGE)
    return math.log(kept) - math.log1p(-kept)


def majority(verdicts: Sequence[Verdict]) -> tuple[Verdict, float]:
    """The most frequent readable verdict, a tie if several are, and its share of the readable ones.

    Example:
        >>> majority(["A", "A", "B", "error"]), majority(["A", "B"]), majority(["error"])
        (('A', 0.6666666666666666), ('tie', 0.5), ('error', 0.0))
    """
    counted = Counter(each for each in verdicts if each != "error")
    if not counted:
        return "error", 0.0
    most = max(counted.values())
    best = [each for each, count in counted.items() if count == most]
    return best[0] if len(best) == 1 else "tie", most / counted.total()


def preferences_from(scores: Sequence[float], tie_delta: float = 0.0) -> Tensor:
    """[K, K] preferences of a judge whose scores only order responses: 1, 1/2 (a tie) or 0; NaN where one is missing.

    Example:
        >>> preferences_from([2.0, 1.0])
        tensor([[0.5000, 1.0000],
                [0.0000, 0.5000]], dtype=torch.float64)
    """
    values = torch.tensor(list(scores), dtype=torch.float64)
    difference = values[:, None] - values[None, :]
    ordered = 0.5 + 0.5 * torch.where(difference.abs() <= tie_delta + 1e-9, 0.0, difference.sign())
    return torch.where(difference.isnan(), difference, ordered)
