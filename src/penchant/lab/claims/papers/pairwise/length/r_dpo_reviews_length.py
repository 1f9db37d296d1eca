"""R-DPO with annotators who favour long reviews."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each, numbers

__all__ = ["LengthIsTakenOff"]


class LengthIsTakenOff(Claim):
    """R-DPO and DPO on length-biased labels."""

    id = "r-dpo-reviews-length"
    paper = "arXiv:2403.19159"
    sentence = (
        "If annotators favour long reviews, DPO makes the reviews of a small language model much longer; R-DPO's are "
        "as long as before, and better."
    )
    methods = ("r-dpo",)
    baselines = ("dpo",)
    world = "reviews; length bias of 0.1 in the label logit per token; Llama of width 96; 800 pairs, two epochs"
    quantity = "mean length of 500 fresh reviews in tokens, or their mean true sentiment from −1 to 1"
    contrasts = (
        Contrast("dpo, length", "reference, length", smallest=10.0),
        Contrast("dpo, length", "r-dpo, length", smallest=10.0),
        Contrast("r-dpo, reward", "dpo, reward", smallest=0.03),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "α = 0.05 per token is half of the length bias of the annotators; the full bias makes reviews half as long as "
        "before."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both, β = 0.1."""
        world = LanguageWorld(length_bias=0.1)
        methods = {"dpo": "dpo", "r-dpo": {"name": "r-dpo", "alpha": 0.05}}
        return numbers(align_each(world, methods, world.pairs(800, seed), seed), "length", "reward")
