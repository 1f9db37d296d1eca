"""MADPO with noisy margins of a reward model."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["WeightedByMargins"]


class WeightedByMargins(Claim):
    """MADPO, β-DPO and DPO on pairs of mixed quality, with 30 % flipped labels and a noisy reward model."""

    id = "madpo-noisy-margins"
    paper = "arXiv:2510.05342"
    sentence = (
        "On pairs of mixed quality, weights from noisy margins of a reward model give MADPO a higher true reward than "
        "DPO and β-DPO at the same β."
    )
    methods = ("madpo",)
    baselines = ("dpo", "beta-dpo")
    world = Dials(prompts=4, responses=6, flips=0.3, score_noise=0.5, pairs=200)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("madpo", "dpo", smallest=0.3), Contrast("madpo", "beta-dpo", smallest=0.2))
    remark = (
        "τ = 7 is the value of the released notebook. The default of 2 is only slightly above most margins of this "
        "world; the weights are then almost those of DPO, and so is the reward on the tuning seeds (0.63 against "
        "0.56)."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for all, 80 steps; DPO also with a smaller β."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {
            "madpo": build("madpo", beta=0.3, tau=7.0),
            "dpo": build("dpo", beta=0.3),
            "dpo, β = 0.1": build("dpo", beta=0.1),
            "beta-dpo": build("beta-dpo", beta=0.3),
        }
        return {arm: expected_reward(world, policy) for arm, policy in fit_each(world, arms, pairs, steps=80).items()}
