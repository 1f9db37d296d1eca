"""DPO and the likelihood of the chosen response."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit, likelihood_change, similar_pairs
from penchant.objectives import build

__all__ = ["SimilarPairsLoseLikelihood"]


class SimilarPairsLoseLikelihood(Claim):
    """DPO on the pairs whose features are most, or least, alike, in a log-linear world."""

    id = "dpo-likelihood-displacement"
    paper = "arXiv:2410.08847"
    sentence = (
        "In a log-linear world DPO lowers the likelihood of chosen responses whose features resemble those of the "
        "rejected ones (by the CHES score), and does not where they differ."
    )
    methods = ("dpo",)
    world = Dials(prompts=8, responses=8, features=3, reference_spread=0.0)
    quantity = "mean fall of the chosen responses' log-probability, nats"
    contrasts = (
        Contrast("most similar pairs", 0.0, smallest=0.3),
        Contrast("most similar pairs", "least similar pairs", smallest=0.5),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One pair per prompt: that of the most, or least, similarity among those where the better one is chosen."""
        world = self.draw_world(seed)
        arms = {}
        for arm, least in {"most similar pairs": False, "least similar pairs": True}.items():
            pairs = similar_pairs(world, least=least)
            policy = fit(world, build("dpo", beta=0.1), pairs, steps=30, learning_rate=3.0, optimizer="sgd")
            arms[arm] = -likelihood_change(world, policy, pairs)
        return arms
