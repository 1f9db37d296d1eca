"""Solution re-ranking: the best-scored solution among the largest clusters of equal answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from annotated_types import Gt

from penchant.feedback.records import Record
from penchant.generation.responses import Response
from penchant.inference.choice import Choice, Picked
from penchant.inference.judging import finite_scores
from penchant.inference.selection import majority
from penchant.inference.solutions import rerank
from penchant.rewards.numbers import canonical_answer

__all__ = ["SolutionRerank"]


class SolutionRerank(Choice):
    """Clusters solutions by equal final numbers, keeps the K largest clusters, and takes the best-scored member.

    ``weighted-majority`` takes the answer whose solutions have the largest sum of scores instead. The judge
    ``two-words`` is the evaluator of the paper. Solutions without a number are in no cluster, and are counted.

    Args:
        judges: the evaluator.
        settings: the keys below.

    Reference:
        Liu, Avi Singh, Freeman, Co-Reyes, Liu (2023), Improving Large Language Model Fine-tuning for Solving Math
        Problems, arXiv:2310.10047.
    """

    id = "solution-rerank"
    takes: ClassVar[tuple[int, int | None]] = (1, 1)

    clusters: Annotated[int, Gt(0), "number K of the largest clusters that are kept; 1 is majority voting"] = 8
    rule: Annotated[Literal["rerank", "weighted-majority"], "the best member, or the largest sum of scores"] = "rerank"

    def pick(self, record: Record, samples: Sequence[Response], seed: int) -> Picked:
        """See `Choice.pick`; no response is chosen where no answer can be read."""
        texts = [each.text for each in samples]
        scores = finite_scores(self.judges[0], record, texts)
        found = rerank(texts, scores, self.clusters)
        place = found.place
        if self.rule == "weighted-majority":
            votes = [each > -math.inf for each in scores]
            answers = [canonical_answer(text) if vote else None for text, vote in zip(texts, votes, strict=True)]
            place = majority(answers, scores)
        facts = {"clusters": dict(found.sizes), "unreadable": found.unreadable}
        return Picked(None if place is None else samples[place], place, samples, scores, facts)
