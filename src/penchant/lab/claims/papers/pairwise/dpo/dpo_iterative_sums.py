"""Iterative DPO on sums that are checked."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.sums import Plan
from penchant.lab.worlds.sums.improvement import improve

__all__ = ["PairsOfRightAndWrong"]


class PairsOfRightAndWrong(Claim):
    """A small model that learned sums from careless demonstrations, and DPO on its right and wrong answers."""

    id = "dpo-iterative-sums"
    paper = "arXiv:2404.19733"
    sentence = (
        "DPO with the likelihood of the chosen answer, on pairs of a right and a wrong one of its own answers, round "
        "after round, raises the share of held-out sums that a small model gets right."
    )
    methods = ("dpo",)
    baselines = ("nll",)
    world = "sums of two numbers to 19, 120 of 400 held out; a start from demonstrations that are wrong by 65 %"
    quantity = "share of sampled answers to held-out sums that are right"
    contrasts = (
        Contrast("round 8", "start", smallest=0.03),
        Contrast("round 16", "round 8", smallest=0.01),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """280 prompts per round, 12 answers to each; β = 0.3."""
        right = improve("iterative-dpo", seed, Plan(rounds=16))
        return {"start": right[0], "round 8": right[8], "round 16": right[-1]}
