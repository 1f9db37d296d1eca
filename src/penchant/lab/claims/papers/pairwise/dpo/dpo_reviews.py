"""DPO against Preferred-FT in the language world."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each

__all__ = ["LearnsFromBothSides"]


class LearnsFromBothSides(Claim):
    """DPO on pairs of reviews, against NLL on the chosen ones (Preferred-FT)."""

    id = "dpo-reviews"
    paper = "arXiv:2305.18290"
    sentence = (
        "Trained on comparisons of product reviews, a small language model writes more favourable reviews after DPO "
        "than before, and than after NLL on the chosen reviews."
    )
    methods = ("dpo",)
    baselines = ("nll",)
    world = "reviews; Llama of width 96; 800 labelled pairs of generated reviews, two epochs"
    quantity = "mean true sentiment of 500 fresh reviews, from −1 to 1"
    contrasts = (Contrast("dpo", "reference", smallest=0.1), Contrast("dpo", "nll", smallest=0.05))
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs, batches and learning rate for both; β = 0.1."""
        world = LanguageWorld()
        spoken = align_each(world, {"dpo": "dpo", "nll": "nll"}, world.pairs(800, seed), seed)
        return {arm: each.reward for arm, each in spoken.items()}
