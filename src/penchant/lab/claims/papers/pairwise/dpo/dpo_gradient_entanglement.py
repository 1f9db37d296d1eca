"""What the inner product of two gradients says before a step is taken."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.diagnostics.entanglement import entanglement
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, moves_of_one_step, pair_examples

__all__ = ["InequalityForetellsTheStep"]


class InequalityForetellsTheStep(Claim):
    """The diagnosis of pairs of similar responses in a log-linear world, and what a real step of DPO does to them."""

    id = "dpo-gradient-entanglement"
    paper = "arXiv:2410.13828"
    sentence = (
        "Where responses are alike, steps of DPO often move chosen and rejected the same way, and the inequality of "
        "their gradients predicts which pairs do, and whether up or down."
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
        """One pair of each prompt, one step of gradient descent for each pair by itself."""
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
