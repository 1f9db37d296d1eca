"""Likelihood displacement: DPO and the likelihood of chosen responses."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit, likelihood_change, similar_pairs
from penchant.objectives import build

__all__ = ["SimilarPairsLoseLikelihood"]


class SimilarPairsLoseLikelihood(Claim):
    """DPO on the pairs with the most, or the least, similar features in a log-linear world."""

    id = "dpo-likelihood-displacement"
    paper = "arXiv:2410.08847"
    sentence = (
        "In a log-linear world, DPO lowers the likelihood of chosen responses with features similar to those of the "
        "rejected ones (by the CHES score), but not of dissimilar ones."
    )
    methods = ("dpo",)
    world = Dials(prompts=8, responses=8, features=3, reference_spread=0.0)
    quantity = "mean decrease of the chosen responses' log-probability, nats"
    contrasts = (
        Contrast("most similar pairs", 0.0, smallest=0.3),
        Contrast("most similar pairs", "least similar pairs", smallest=0.5),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One pair per prompt: the most, or least, similar one among those where the better response is chosen."""
        world = self.draw_world(seed)
        arms = {}
        for arm, least in {"most similar pairs": False, "least similar pairs": True}.items():
            pairs = similar_pairs(world, least=least)
            policy = fit(world, build("dpo", beta=0.1), pairs, steps=30, learning_rate=3.0, optimizer="sgd")
            arms[arm] = -likelihood_change(world, policy, pairs)
        return arms
