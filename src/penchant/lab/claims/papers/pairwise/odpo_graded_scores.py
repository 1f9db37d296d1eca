"""ODPO with graded scores."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, rated_pairs
from penchant.objectives import build

__all__ = ["MoreFromGradedScores"]


class MoreFromGradedScores(Claim):
    """ODPO with offsets from scores, against DPO on the same pairs."""

    id = "odpo-graded-scores"
    paper = "arXiv:2402.10571"
    sentence = "With few pairs and graded scores, ODPO reaches a higher true reward than DPO."
    methods = ("odpo",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=6, score_noise=0.5, pairs=60)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("odpo, logarithm", "dpo", smallest=0.03),
        Contrast("odpo, identity", "dpo", smallest=0.05),
    )
    remark = "With 400 instead of 60 pairs there is no difference on the tuning seeds."

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs, steps and β for all."""
        world = self.draw_world(seed)
        pairs = rated_pairs(world, seed)
        arms = {
            "dpo": build("dpo", beta=0.3),
            "odpo, logarithm": build("odpo", beta=0.3),
            "odpo, identity": build("odpo", beta=0.3, transform="identity"),
        }
        return {
            arm: expected_reward(world, policy)
            for arm, policy in fit_each(world, arms, pairs, steps=60, learning_rate=0.2).items()
        }
