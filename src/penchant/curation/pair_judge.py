"""The builder ``pair-judge``: demonstrations that teach a language model to say which of two responses is better."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, comparisons
from penchant.feedback.records import Record
from penchant.rewards.joint_text import LETTERS, joint_text

__all__ = ["PairJudge"]


class PairJudge(Builder):
    """Each comparison as two questions with a letter as the answer, one for each order of the responses.

    Training on them with ``--objective nll`` gives a model for the judge ``pair_model``:
    P(A ≻ B) = p(A) / (p(A) + p(B)), averaged over both orders.

    Reference:
        Dong et al. (2024), RLHF Workflow: From Reward Modeling to Online RLHF, arXiv:2405.07863, section 2.
    """

    id = "pair-judge"

    both_orders: Annotated[bool, "write both orders; otherwise chosen and rejected take turns as the first"] = True

    def build(self, records: Iterable[Record]) -> Built:
        """Two demonstrations of every comparison."""
        built = Built([])
        for place, record in enumerate(comparisons(records, self.id)):
            built.count("comparisons read")
            shown = (record.chosen, record.rejected)
            for order in (0, 1) if self.both_orders else (place % 2,):
                first, second = shown if order == 0 else shown[::-1]
                text = joint_text(record.prompt, first, second)
                built.rows.append({"prompt": text, "completion": LETTERS[order]})
        built.count("questions", len(built.rows))
        return built
