"""Rejection-sampling fine-tuning by number of samples."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, run_rounds

__all__ = ["MoreSamplesMoreReward"]


class MoreSamplesMoreReward(Claim):
    """NLL on the best of few or many samples, in rounds."""

    id = "nll-rejection-sampling"
    paper = "arXiv:2304.06767"
    sentence = "NLL on the best of n samples of the policy itself raises the true reward, and more for larger n."
    methods = ("nll",)
    world = Dials(prompts=8, responses=8)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("best of 4", "reference", smallest=0.3),
        Contrast("best of 16", "best of 2", smallest=0.2),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Five rounds of 80 prompts and 20 steps."""
        world = self.draw_world(seed)
        plan = Rounds("best", rounds=5, prompts=80, steps=20, learning_rate=0.05)
        arms = {"reference": expected_reward(world, world.reference)}
        for samples in (2, 4, 16):
            last = run_rounds(world, "nll", plan, seed=seed, samples=samples)[-1]
            arms[f"best of {samples}"] = expected_reward(world, last)
        return arms
