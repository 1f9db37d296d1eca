"""DPO and the likelihood of the chosen response."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.tabular import Dials, Examples, Rows, World, fit, log_probabilities, pair_examples
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
        """One pair a prompt: that of the most, or least, similarity among those where the better one is chosen."""
        world = self.draw_world(seed)
        return {
            "most similar pairs": self._fall(world, largest=True),
            "least similar pairs": self._fall(world, largest=False),
        }

    def _fall(self, world: World, largest: bool) -> float:
        pairs = self._pairs(world, largest)
        policy = fit(world, build("dpo", beta=0.1), pairs, steps=30, learning_rate=3.0, optimizer="sgd")
        chosen = pairs.views["chosen"]
        assert isinstance(chosen, Rows)
        return float((world.reference - log_probabilities(policy))[chosen.prompt, chosen.response].mean())

    def _pairs(self, world: World, largest: bool) -> Examples:
        """CHES(i, j) = φ_i · φ_j − |φ_i|², of chosen i and rejected j."""
        products = world.features @ world.features.mT
        ches = products - products.diagonal(dim1=-2, dim2=-1).unsqueeze(-1)
        better = world.reward.unsqueeze(-1) > world.reward.unsqueeze(-2)
        sign = 1 if largest else -1
        place = (sign * ches).masked_fill(~better, -torch.inf).flatten(1).argmax(-1)
        size = world.dials.responses
        return pair_examples(world, torch.arange(len(place)), place // size, place % size)
