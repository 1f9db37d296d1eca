"""Positive-unlabelled distillation on sums: fine-tuning on a teacher's answers, then pairs, or a target over a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.sums.taught import learn_from_anchors

__all__ = ["ListsBeforePairsOnSums"]

#: Each arm at its best of the rates that were tried on a tuning seed.
_ARMS: dict[str, dict[str, Any]] = {
    "pairs": {
        "method": "pu-distill-pairs",
        "iterations": 6,
        "prompts_per_iteration": 280,
        "batch_size": 32,
        "learning_rate": 1e-4,
        "schedule": "linear",
        "eval_every": 6,
    },
    "list": {
        "method": "pu-distill",
        "iterations": 20,
        "learning_rate": 2e-4,
        "eval_every": 20,
    },
}


class ListsBeforePairsOnSums(Claim):
    """A student that was fine-tuned on one answer of a teacher for each sum, and what its own samples add to it."""

    id = "pu-distill-sums"
    paper = "arXiv:2601.20687"
    sentence = (
        "From a student that was fine-tuned on a stronger teacher's one answer for each sum, rounds of DPO on that "
        "answer against the sample that is farthest from it end at least as high on held-out sums as the fine-tuned "
        "student, steps on a target distribution over the samples, by their closeness to it, at least as high as the "
        "pairs, and higher than the student, at equal teacher calls."
    )
    methods = ("grpo",)
    measures = ("pu-distill", "pu-distill-pairs")
    baselines = ("dpo", "nll")
    world = (
        "sums of two numbers to 19, 120 of 400 held out; a student that read 65 % wrong answers, and a teacher of its "
        "size that read right ones"
    )
    quantity = "accuracy of sampled answers to held-out sums"
    contrasts = (
        Contrast("list", "pairs", not_worse_by=0.02),
        Contrast("pairs", "fine-tuned", not_worse_by=0.02),
        Contrast("list", "fine-tuned", smallest=0.01),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "At the most passes that were tried, neither adds anything to fine-tuning: the samples are mostly the "
        "teacher's answers by then. From half as many passes, on a tuning seed, the list added (0.50 to 0.53), and "
        "pairs took away (0.41 to 0.47 at three rates): DPO lowers both answers of a pair, which may differ in one "
        "digit. The form of the list's target is ours; the paper's is not public."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """64 passes over 280 answers; then eight samples for each sum of a round."""
        tuning = {"epochs": 64, "batch_size": 32, "learning_rate": 3e-3}
        return learn_from_anchors(seed, tuning, _ARMS)
