"""DPO, DPOP and the likelihood of good reviews."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each

__all__ = ["KeepsGoodReviewsLikely"]


class KeepsGoodReviewsLikely(Claim):
    """The log-probability of held-out chosen reviews before and after DPO and DPOP."""

    id = "dpop-reviews-likelihood"
    paper = "arXiv:2402.13228"
    sentence = (
        "In a small language model, DPO lowers the likelihood of the chosen responses of held-out pairs, though less "
        "than that of the rejected ones; DPOP raises it."
    )
    methods = ("dpop",)
    baselines = ("dpo",)
    world = "reviews; Llama of width 96; 800 labelled pairs of generated reviews, two epochs"
    quantity = "change of the mean log-probability of held-out reviews, nats"
    contrasts = (
        Contrast("dpo, chosen", "dpo, rejected", smallest=1.0),
        Contrast("dpop, chosen", "dpo, chosen", smallest=1.0),
        Contrast("dpop, chosen", 0.0, smallest=0.3),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "DPOP keeps good reviews likely by staying close to the reference: on the tuning seeds its reviews gain little "
        "true sentiment in the same number of steps."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both; β = 0.1, and λ = 50 as in the paper."""
        world = LanguageWorld()
        spoken = align_each(world, {"dpo": "dpo", "dpop": "dpop"}, world.pairs(800, seed), seed)
        arms = {}
        for name in ("dpo", "dpop"):
            summary = spoken[name].summary
            for side in ("chosen", "rejected"):
                arms[f"{name}, {side}"] = summary["after"][f"logps/{side}"] - summary["before"][f"logps/{side}"]
            arms[f"{name}, reward"] = spoken[name].reward
        return arms
