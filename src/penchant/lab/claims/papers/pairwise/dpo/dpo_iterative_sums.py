"""Iterative DPO on sums with a verifier."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.sums import Plan
from penchant.lab.worlds.sums.improvement import improve

__all__ = ["PairsOfRightAndWrong"]


class PairsOfRightAndWrong(Claim):
    """A small model trained on partly wrong sums, and DPO on its right and wrong answers."""

    id = "dpo-iterative-sums"
    paper = "arXiv:2404.19733"
    sentence = (
        "Iterative DPO plus NLL, on pairs of a right and a wrong answer of the model itself, raises the accuracy of a "
        "small model on held-out sums over the rounds."
    )
    methods = ("dpo",)
    baselines = ("nll",)
    world = "sums of two numbers to 19, 120 of 400 held out; start model trained on 65 % wrong answers"
    quantity = "accuracy of sampled answers to held-out sums"
    contrasts = (
        Contrast("round 8", "start", smallest=0.03),
        Contrast("round 16", "round 8", smallest=0.01),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """280 prompts per round, 12 answers per prompt; β = 0.3."""
        right = improve("iterative-dpo", seed, Plan(rounds=16))
        return {"start": right[0], "round 8": right[8], "round 16": right[-1]}
