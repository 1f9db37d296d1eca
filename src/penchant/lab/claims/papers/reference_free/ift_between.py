"""IFT on demonstrations alone, between supervised fine-tuning and preference optimization."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each, numbers

__all__ = ["BetweenSupervisionAndPreference"]


class BetweenSupervisionAndPreference(Claim):
    """IFT and NLL on the chosen reviews of pairs, and DPO on the pairs."""

    id = "ift-between"
    paper = "arXiv:2405.11870"
    sentence = (
        "On the chosen reviews of pairs alone, IFT makes a small language model write better reviews than NLL on the "
        "same reviews, though not better than DPO on the pairs."
    )
    methods = ("ift",)
    baselines = ("nll", "dpo")
    world = "reviews; Llama of width 96; 300 pairs, two epochs"
    quantity = "mean true sentiment of 200 fresh reviews, from −1 to 1"
    contrasts = (
        Contrast("ift, reward", "nll, reward", smallest=0.02),
        Contrast("dpo, reward", "ift, reward", smallest=0.05),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "IFT writes worse reviews than NLL on the tuning seeds, at λ = 0.05 too; with equal weights (g = 0) it is "
        "nearly level. Its weights follow the loss, which may be highest where a review has many continuations, and "
        "not where its opinion is decided."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """λ = 0.2 and g = 0.95, those of the paper; the same learning rate for all."""
        world = LanguageWorld()
        methods = {name: name for name in ("nll", "ift", "dpo")}
        return numbers(align_each(world, methods, world.pairs(300, seed), seed, judged=200), "reward")
