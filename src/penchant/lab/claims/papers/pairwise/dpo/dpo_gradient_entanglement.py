"""Gradient entanglement: predicting the effect of a DPO step from gradient inner products."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.diagnostics.entanglement import entanglement
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, moves_of_one_step, pair_examples

__all__ = ["InequalityForetellsTheStep"]


class InequalityForetellsTheStep(Claim):
    """Predictions for pairs of similar responses in a log-linear world, compared with real DPO steps."""

    id = "dpo-gradient-entanglement"
    paper = "arXiv:2410.13828"
    sentence = (
        "For similar responses, DPO steps often move chosen and rejected likelihoods in the same direction, and the "
        "gradient inequality of the paper predicts for which pairs, and in which direction."
    )
    methods = ("dpo",)
    world = Dials(prompts=16, responses=8, features=3, similarity=0.7)
    quantity = "share of the pairs"
    contrasts = (
        Contrast("moved the same way", 0.0, smallest=0.08),
        Contrast("predicted rightly", "always 'desired'", smallest=0.08),
        Contrast("predicted rightly", 0.9, smallest=0.05),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One pair per prompt, and one gradient step on each single pair."""
        world = self.draw_world(seed)
        prompt = torch.arange(16)
        both = torch.multinomial(torch.ones(16, 8), 2, generator=torch.Generator().manual_seed(seed))
        chosen, rejected = both.unbind(-1)
        usual = (world.reference.exp().unsqueeze(-1) * world.features).sum(1)
        predicted = entanglement(
            world.features[prompt, chosen] - usual, world.features[prompt, rejected] - usual
        ).verdicts
        seen = moves_of_one_step(world, "dpo", pair_examples(world, prompt, chosen, rejected))
        right = [one == other for one, other in zip(predicted, seen, strict=True)]
        desired = seen.count("desired") / len(seen)
        return {
            "predicted rightly": sum(right) / len(right),
            "always 'desired'": desired,
            "moved the same way": 1 - desired,
        }
