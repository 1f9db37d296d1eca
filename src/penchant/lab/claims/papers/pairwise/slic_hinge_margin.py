"""SLiC hinge on deterministic preferences."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, divergence, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["RestsAtItsMargin"]


class RestsAtItsMargin(Claim):
    """Hinge and logistic loss on deterministic labels."""

    id = "slic-hinge-margin"
    paper = "arXiv:2305.10425"
    sentence = (
        "With deterministic preferences, the SLiC hinge raises the true reward and stops at its margin, closer to the "
        "reference than DPO with the same β."
    )
    methods = ("slic-hinge",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, temperature=0.0, pairs=200)
    quantity = "expected true reward in standard deviations of the reward, or KL from the reference in nats"
    contrasts = (
        Contrast("slic-hinge, reward", "reference, reward", smallest=0.5),
        Contrast("dpo, KL", "slic-hinge, KL", smallest=0.2),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both, β = 1, 200 steps."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {"reference, reward": expected_reward(world, world.reference)}
        methods = {name: build(name, beta=1.0) for name in ("slic-hinge", "dpo")}
        for name, policy in fit_each(world, methods, pairs, steps=200).items():
            arms[f"{name}, reward"] = expected_reward(world, policy)
            arms[f"{name}, KL"] = divergence(policy, world.reference)
        return arms
