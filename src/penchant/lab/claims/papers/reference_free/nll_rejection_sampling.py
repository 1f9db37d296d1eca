"""Rejection-sampling fine-tuning and the number of samples."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, run_rounds

__all__ = ["MoreSamplesMoreReward"]


class MoreSamplesMoreReward(Claim):
    """Supervised learning of the best of few or many samples, in rounds."""

    id = "nll-rejection-sampling"
    paper = "arXiv:2304.06767"
    sentence = (
        "Learning the best of a policy's own samples by likelihood raises its true reward, the more so the more "
        "samples it is the best of."
    )
    methods = ("nll",)
    world = Dials(prompts=8, responses=8)
    quantity = "expected true reward, in its standard deviations"
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
