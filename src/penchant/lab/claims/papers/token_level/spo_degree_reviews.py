"""SPO against DPO in the language world."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.curation.degradation import degrade
from penchant.feedback.records import Comparison
from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each

__all__ = ["DegreesHelpTheReviews"]


class DegreesHelpTheReviews(Claim):
    """DPO with and without the classification of degradation levels, in a model with shared hidden states."""

    id = "spo-degree-reviews"
    paper = "arXiv:2409.17791"
    sentence = (
        "A small language model trained with SPO on comparisons of reviews writes more favourable reviews than with "
        "DPO, and classifies degradation levels better than chance."
    )
    methods = ("spo-degree",)
    baselines = ("dpo",)
    world = "reviews; Llama of width 96; 300 labelled pairs with four degradation levels of each review, two epochs"
    quantity = "mean true sentiment of 500 fresh reviews from −1 to 1, or accuracy on held-out degradation levels"
    contrasts = (
        Contrast("spo-degree", "dpo", smallest=0.02),
        Contrast("degrees recognised", 0.25, smallest=0.08),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "The levels are learned slightly and hardly affect the policy: with γ = 0.1 and with 0.5 the rewards equal "
        "those of DPO to two digits. The paper does not specify which content of a response is removed."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both, β = 0.1, γ = 0.5; words are removed by TF-IDF, up to half of them."""
        world = LanguageWorld()
        kept = ("prompt", "chosen", "rejected")
        pairs = [Comparison(**{name: pair[name] for name in kept}) for pair in world.pairs(300, seed)]
        methods = {"dpo": "dpo", "spo-degree": {"name": "spo-degree", "gamma": 0.5}}
        spoken = align_each(world, methods, degrade(pairs).rows, seed)
        recognised = spoken["spo-degree"].summary["after"]["degree_accuracy"]
        return {**{arm: each.reward for arm, each in spoken.items()}, "degrees recognised": recognised}
