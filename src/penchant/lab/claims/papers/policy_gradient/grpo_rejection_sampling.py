"""GRPO against rejection-sampling fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, run_rounds
from penchant.objectives import build

__all__ = ["BetterThanTheBestSample"]


class BetterThanTheBestSample(Claim):
    """Online GRPO and rejection-sampling fine-tuning with the same number of samples."""

    id = "grpo-rejection-sampling"
    paper = "arXiv:2402.03300"
    sentence = (
        "GRPO raises the true reward over the rounds, and more than online rejection-sampling fine-tuning with the "
        "same number of samples and steps."
    )
    methods = ("grpo",)
    baselines = ("nll",)
    world = Dials(prompts=8, responses=8)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("grpo, round 5", "reference", smallest=0.3),
        Contrast("grpo, round 20", "grpo, round 5", smallest=0.05),
        Contrast("grpo, round 20", "rejection sampling", smallest=0.05),
    )

    remark = (
        "With exact scores and one parameter per response, a baseline improves little: the likelihood of the best of "
        "eight samples is an equally good direction here."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Eight samples per prompt and round, four steps; each learning rate is the best on the tuning seeds."""
        world = self.draw_world(seed)
        plan = Rounds("group", rounds=20, samples=8, steps=4, learning_rate=0.2)
        grpo = run_rounds(world, build("grpo"), plan, seed=seed)
        best = run_rounds(world, "nll", plan, seed=seed, pairing="best", learning_rate=0.1)
        arms = {
            "reference": grpo[0],
            "grpo, round 5": grpo[5],
            "grpo, round 20": grpo[20],
            "rejection sampling": best[20],
        }
        return {arm: expected_reward(world, policy) for arm, policy in arms.items()}
