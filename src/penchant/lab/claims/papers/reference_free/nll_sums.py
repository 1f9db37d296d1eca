"""Rejection-sampling fine-tuning on sums that are checked."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.sums import Plan
from penchant.lab.worlds.sums.improvement import improve

__all__ = ["RightAnswersTeach"]


class RightAnswersTeach(Claim):
    """A small model that learned sums from careless demonstrations, and goes on with its own right answers."""

    id = "nll-sums"
    paper = "arXiv:2308.01825"
    sentence = (
        "Likelihood training on those of its own sampled answers that a check finds right raises the share of held-out "
        "sums that a small model gets right, in the first round and further in the next ones."
    )
    methods = ("nll",)
    world = "sums of two numbers to 19, 120 of 400 held out; a start from demonstrations that are wrong by 65 %"
    quantity = "share of sampled answers to held-out sums that are right"
    contrasts = (
        Contrast("round 1", "start", smallest=0.05),
        Contrast("round 4", "round 1", smallest=0.05),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """280 prompts per round, 12 answers to each."""
        start, first, *_, last = improve("rejection-sampling", seed, Plan(rounds=4))
        return {"start": start, "round 1": first, "round 4": last}
