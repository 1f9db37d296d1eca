"""LD-DPO against annotators who like long reviews."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each, numbers

__all__ = ["TailsOfReviewsCountLess"]


class TailsOfReviewsCountLess(Claim):
    """DPO with tails that count less, on labels that favour length."""

    id = "ld-dpo-reviews-length"
    paper = "arXiv:2409.06411"
    sentence = (
        "Where annotators of reviews favour long ones, LD-DPO makes a small language model write reviews that "
        "are shorter by a tenth than DPO's, at no less true sentiment."
    )
    methods = ("ld-dpo",)
    baselines = ("dpo",)
    world = "reviews; labels favour a token more by 0.1 of log-odds; a Llama of 96 channels; 800 pairs, two passes"
    quantity = "mean length of 500 fresh reviews in tokens, or their mean true sentiment from −1 to 1"
    contrasts = (
        Contrast("dpo, length", "ld-dpo, length", smallest=4.0),
        Contrast("ld-dpo, reward", "dpo, reward", not_worse_by=0.03),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "The opposite happens. The end of the shorter response is among the tokens that count in full, the end of the "
        "longer one is not. Where the shorter one is mostly the rejected one, ending is unlearned at full weight and "
        "learned at 0.4 of it; a model as small as this learns its lengths from little else."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both, β = 0.1; α = 0.4 is within the paper's range."""
        world = LanguageWorld(length_bias=0.1)
        methods = {"dpo": "dpo", "ld-dpo": {"name": "ld-dpo", "ld_alpha": 0.4}}
        return numbers(align_each(world, methods, world.pairs(800, seed), seed), "length", "reward")
