"""Published cases of data curation."""

from __future__ import annotations

from typing import Any

from penchant.curation.reward_augmented import reward_augmented
from penchant.feedback.records import Comparison
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["reward_augmented_data"]


@adapter("reward-augmented-data")
def reward_augmented_data(case: Case) -> dict[str, Any]:
    """Reward-augmented data: the rows, keeping ties, with the goal as a number and as text."""
    records = []
    for pair in case.inputs["pairs"]:
        fields = {"chosen_score": pair["score_chosen"], "rejected_score": pair["score_rejected"]}
        prompt = pair.get("prompt", [{"role": "user", "content": ""}])
        records.append(Comparison(prompt=prompt, chosen=pair["chosen"], rejected=pair["rejected"], fields=fields))
    return {
        "augmented": [
            {name: row[name] for name in ("goal", "chosen", "rejected")}
            | {"goal_text": str(row["goal"]), "system": row["prompt"][0]["content"]}
            for row in reward_augmented(records, keep_equal=True).rows
        ]
    }
