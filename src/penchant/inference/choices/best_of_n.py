"""Best-of-n: the sample that a judge, or several judges, find best."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt

from penchant.feedback.records import Record
from penchant.generation.responses import Response
from penchant.inference.choice import Choice, Picked
from penchant.inference.judging import finite_scores
from penchant.inference.selection import best, borda, combined_scores, knock_out, majority, soft_probabilities
from penchant.rewards.numbers import canonical_answer
from penchant.rewards.scores import compared

__all__ = ["BestOfN"]


class BestOfN(Choice):
    """The best of n samples by a judge (best-of-n); with one sample it is plain sampling.

    ``best``: the largest score, the first of equal ones. ``soft``: drawn with probability softmax(score / λ).
    ``majority``: the final answer with the largest sum of scores. ``knock-out`` and ``borda``: by comparisons instead
    of scores. Several judges are combined by ``ensemble``.

    Args:
        judges: one or several.
        settings: the keys below.
    """

    id = "best-of-n"

    rule: Annotated[Literal["best", "soft", "majority", "knock-out", "borda"], "how the sample is chosen"] = "best"
    temperature: Annotated[float, Gt(0), "λ of the soft rule, in units of the score"] = 1.0
    ensemble: Annotated[
        Literal["mean", "worst", "uncertainty"],
        "how standardised scores of several judges are combined; uncertainty subtracts their standard deviation",
    ] = "mean"
    penalty: Annotated[float, Ge(0), "weight of the standard deviation over the judges"] = 1.0

    def pick(self, record: Record, samples: Sequence[Response], seed: int) -> Picked:
        """See `Choice.pick`; a sample that no judge can score is never chosen, unless there is no other."""
        texts = [each.text for each in samples]
        if len(samples) == 1:
            return Picked(samples[0], 0, samples)
        if self.rule in ("knock-out", "borda"):
            return self._by_comparisons(record, samples, seed)
        table = torch.tensor([finite_scores(judge, record, texts) for judge in self.judges], dtype=torch.float64)
        readable = torch.isfinite(table).all(0)
        scores = [-math.inf] * len(samples)
        for place, score in zip(readable.nonzero().flatten().tolist(), self._combined(table[:, readable]), strict=True):
            scores[place] = score
        place = self._place(texts, scores, seed)
        return Picked(None if place is None else samples[place], place, samples, scores)

    def _combined(self, table: torch.Tensor) -> list[float]:
        return combined_scores(table, self.ensemble, self.penalty) if table.shape[1] else []

    def _place(self, texts: Sequence[str], scores: list[float], seed: int) -> int | None:
        if max(scores) == -math.inf:
            return 0
        if self.rule == "soft":
            return random.Random(seed).choices(range(len(scores)), soft_probabilities(scores, self.temperature))[0]
        if self.rule == "majority":
            answers = [
                canonical_answer(text) if score > -math.inf else None for text, score in zip(texts, scores, strict=True)
            ]
            return majority(answers, scores)
        return best(scores)

    def _by_comparisons(self, record: Record, samples: Sequence[Response], seed: int) -> Picked:
        texts = [each.text for each in samples]
        table = torch.stack([_readable(compared(judge, record, texts)) for judge in self.judges]).mean(0)
        shares = borda(table)
        place = best(shares) if self.rule == "borda" else knock_out(table, seed)
        return Picked(samples[place], place, samples, shares)


def _readable(preferences: torch.Tensor) -> torch.Tensor:
    """Preferences in which what the judge cannot score loses against everything else."""
    table, unread = preferences.double().clone(), preferences.diagonal().isnan()
    table[unread], table[:, unread] = 0.0, 1.0
    table[unread[:, None] & unread] = 0.5
    return table.nan_to_num(0.5)
