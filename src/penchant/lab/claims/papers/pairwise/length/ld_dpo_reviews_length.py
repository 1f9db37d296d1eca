"""LD-DPO with annotators who favour long reviews."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each, numbers

__all__ = ["TailsOfReviewsCountLess"]


class TailsOfReviewsCountLess(Claim):
    """LD-DPO and DPO on length-biased labels."""

    id = "ld-dpo-reviews-length"
    paper = "arXiv:2409.06411"
    sentence = (
        "If annotators favour long reviews, a small language model writes reviews that are a tenth shorter with LD-DPO "
        "than with DPO, at no lower true sentiment."
    )
    methods = ("ld-dpo",)
    baselines = ("dpo",)
    world = "reviews; length bias of 0.1 in the label logit per token; Llama of width 96; 800 pairs, two epochs"
    quantity = "mean length of 500 fresh reviews in tokens, or their mean true sentiment from −1 to 1"
    contrasts = (
        Contrast("dpo, length", "ld-dpo, length", smallest=4.0),
        Contrast("ld-dpo, reward", "dpo, reward", not_worse_by=0.03),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "The opposite happens. The end token of the shorter response has full weight, that of the longer one has "
        "weight 0.4. The shorter response is mostly the rejected one, so ending is unlearned at full weight and "
        "learned at 0.4; in a small model this dominates the length."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both, β = 0.1; α = 0.4 is within the paper's range."""
        world = LanguageWorld(length_bias=0.1)
        methods = {"dpo": "dpo", "ld-dpo": {"name": "ld-dpo", "ld_alpha": 0.4}}
        return numbers(align_each(world, methods, world.pairs(800, seed), seed), "length", "reward")
