"""R-DPO against annotators who like long reviews."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each, numbers

__all__ = ["LengthIsTakenOff"]


class LengthIsTakenOff(Claim):
    """DPO with and without an offset for length, on labels that favour length."""

    id = "r-dpo-reviews-length"
    paper = "arXiv:2403.19159"
    sentence = (
        "Where annotators of reviews favour long ones, DPO makes a small language model write much longer "
        "reviews; R-DPO's are as long as before, and better."
    )
    methods = ("r-dpo",)
    baselines = ("dpo",)
    world = "reviews; labels favour a token more by 0.1 of log-odds; a Llama of 96 channels; 800 pairs, two passes"
    quantity = "mean length of 500 fresh reviews in tokens, or their mean true sentiment from −1 to 1"
    contrasts = (
        Contrast("dpo, length", "reference, length", smallest=10.0),
        Contrast("dpo, length", "r-dpo, length", smallest=10.0),
        Contrast("r-dpo, reward", "dpo, reward", smallest=0.03),
    )
    seeds = range(5)
    cost = "language"
    remark = "α = 0.05 per token is half of the annotators' liking; all of it makes the reviews half as long as before."

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both, β = 0.1."""
        world = LanguageWorld(length_bias=0.1)
        methods = {"dpo": "dpo", "r-dpo": {"name": "r-dpo", "alpha": 0.05}}
        return numbers(align_each(world, methods, world.pairs(800, seed), seed), "length", "reward")
