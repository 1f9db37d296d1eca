"""The builder ``margin-rewards``: what other judges say of both responses of each comparison."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from penchant.curation.builder import Builder, Progress
from penchant.curation.judging import JUDGE_WORDS, judges_of, scores_of
from penchant.curation.rows import Built, as_row, comparisons
from penchant.feedback.records import Record

__all__ = ["MarginRewards"]


class MarginRewards(Builder):
    """Comparisons with the rewards that one judge or several give to both responses.

    The objective ``modpo`` trains on the comparisons of one objective with the rewards of the others, in the order in
    which the judges are named. A judge may be a reward model, the implicit reward of a policy that DPO trained on the
    comparisons of another objective, a verifier or a function of your own. A comparison with a response that a judge
    cannot score is dropped.

    Example:
        >>> from penchant.feedback import read
        >>> pairs = read([{"prompt": "2 + 2", "chosen": "4", "rejected": "5", "answer": "4"}])
        >>> row = MarginRewards(judge=["verifier rule=number"]).build(pairs).rows[0]
        >>> row["chosen_margin_rewards"], row["rejected_margin_rewards"]
        ([1.0], [0.0])

    Reference:
        Zhou, Liu, Shao, Yue, Yang, Ouyang, Qiao (2024), Beyond One-Preference-Fits-All Alignment, arXiv:2310.03708.
    """

    id = "margin-rewards"
    writes = ("chosen_margin_rewards", "rejected_margin_rewards")

    judge: Annotated[list[str], f"a judge: {JUDGE_WORDS}; repeat for several"]
    device: Annotated[str, "device of judges with a model"] = "cpu"

    def build(self, records: Iterable[Record]) -> Built:
        """Add the rewards to each comparison."""
        return self.build_resumably(records, None, lambda *_: None)  # type: ignore[arg-type]

    def build_resumably(self, records: Iterable[Record], keep: Path | None, progress: Progress) -> Built:
        """Build with progress over all judges."""
        pairs = comparisons(records, self.id)
        judges = judges_of(self.judge, pairs, self.device)
        total = len(pairs) * len(judges)
        responses = [list(pair.responses) for pair in pairs]
        columns = []
        for before, judge in enumerate(judges):
            moved = _Moved(progress, before * len(pairs), total, judge.id)
            columns.append(scores_of(judge, pairs, responses, moved))
        built = Built([], {"records read": len(pairs), "judges": len(judges)})
        for pair, own in zip(pairs, zip(*columns, strict=True), strict=True):
            if any(math.isnan(score) for both in own for score in both):
                built.count("dropped: a judge cannot score a response")
                continue
            chosen, rejected = zip(*own, strict=True)
            built.rows.append(
                as_row(pair) | {"chosen_margin_rewards": list(chosen), "rejected_margin_rewards": list(rejected)}
            )
        built.count("rows with margin rewards", len(built.rows))
        return built


@dataclass(frozen=True)
class _Moved:
    """The progress of one judge as part of that of all."""

    progress: Progress
    start: int
    total: int
    judge: str

    def __call__(self, done: int) -> None:
        self.progress(self.start + done, self.total, self.judge)
