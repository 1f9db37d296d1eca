"""SPO and DPO in the language of reviews."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.curation.degradation import degrade
from penchant.feedback.records import Comparison
from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each

__all__ = ["DegreesHelpTheReviews"]


class DegreesHelpTheReviews(Claim):
    """DPO with and without the lesson of degrees, where both shape the states of one model."""

    id = "spo-degree-reviews"
    paper = "arXiv:2409.17791"
    sentence = (
        "A small language model that learns degrees of degradation beside its comparisons of reviews writes more "
        "favourable ones than with DPO alone, and recognises the degrees better than chance."
    )
    methods = ("spo-degree",)
    baselines = ("dpo",)
    world = "reviews; a Llama of 96 channels; 300 labelled pairs with four degrees of each review, two passes"
    quantity = "mean true sentiment of 500 fresh reviews from −1 to 1, or share of held-out degrees recognised"
    contrasts = (
        Contrast("spo-degree", "dpo", smallest=0.02),
        Contrast("degrees recognised", 0.25, smallest=0.08),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "The degrees are learned a little, and hardly touch the policy: with γ = 0.1 and with 0.5 its rewards are "
        "those of DPO to the second digit. What the paper takes out of a response, and how, is not published."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both, β = 0.1, γ = 0.5; words are taken out by their TF-IDF, up to a half of them."""
        world = LanguageWorld()
        kept = ("prompt", "chosen", "rejected")
        pairs = [Comparison(**{name: pair[name] for name in kept}) for pair in world.pairs(300, seed)]
        methods = {"dpo": "dpo", "spo-degree": {"name": "spo-degree", "gamma": 0.5}}
        spoken = align_each(world, methods, degrade(pairs).rows, seed)
        recognised = spoken["spo-degree"].summary["after"]["degree_accuracy"]
        return {**{arm: each.reward for arm, each in spoken.items()}, "degrees recognised": recognised}
