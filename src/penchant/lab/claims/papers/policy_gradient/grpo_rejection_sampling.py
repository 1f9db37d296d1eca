"""GRPO and learning from the best sample."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, run_rounds
from penchant.objectives import build

__all__ = ["BetterThanTheBestSample"]


class BetterThanTheBestSample(Claim):
    """GRPO and rejection-sampling fine-tuning, online, with the same number of samples."""

    id = "grpo-rejection-sampling"
    paper = "arXiv:2402.03300"
    sentence = (
        "GRPO raises the true reward round by round, and more than online rejection-sampling fine-tuning with as many "
        "samples and steps."
    )
    methods = ("grpo",)
    baselines = ("nll",)
    world = Dials(prompts=8, responses=8)
    quantity = "expected true reward, in its standard deviations"
    contrasts = (
        Contrast("grpo, round 5", "reference", smallest=0.3),
        Contrast("grpo, round 20", "grpo, round 5", smallest=0.05),
        Contrast("grpo, round 20", "rejection sampling", smallest=0.05),
    )

    remark = (
        "Exact scores and a parameter for each response leave little for a baseline to improve: the likelihood of the "
        "best of eight samples is as good a direction here."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Eight samples of each prompt in a round, four steps; each learning rate is the best on the tuning seeds."""
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
