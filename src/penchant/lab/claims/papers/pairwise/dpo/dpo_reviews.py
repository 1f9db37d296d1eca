"""DPO and likelihood training on chosen responses, in the language of reviews."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each

__all__ = ["LearnsFromBothSides"]


class LearnsFromBothSides(Claim):
    """DPO on pairs of reviews, against the likelihood of the chosen ones (Preferred-FT)."""

    id = "dpo-reviews"
    paper = "arXiv:2305.18290"
    sentence = (
        "A small language model that learns from comparisons of product reviews writes more favourable ones after DPO "
        "than before, and than after likelihood training on the chosen reviews."
    )
    methods = ("dpo",)
    baselines = ("nll",)
    world = "reviews; a Llama of 96 channels; 800 labelled pairs of the grammar's reviews, two passes"
    quantity = "mean true sentiment of 500 fresh reviews, from −1 to 1"
    contrasts = (Contrast("dpo", "reference", smallest=0.1), Contrast("dpo", "nll", smallest=0.05))
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs, batches and rate for both; β = 0.1."""
        world = LanguageWorld()
        spoken = align_each(world, {"dpo": "dpo", "nll": "nll"}, world.pairs(800, seed), seed)
        return {arm: each.reward for arm, each in spoken.items()}
