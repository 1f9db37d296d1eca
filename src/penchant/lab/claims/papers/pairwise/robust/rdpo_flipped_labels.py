"""rDPO under flipped labels."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["RobustUnderFlippedLabels"]


class RobustUnderFlippedLabels(Claim):
    """rDPO with the true flip rate, against DPO on the same pairs."""

    id = "rdpo-flipped-labels"
    paper = "arXiv:2403.00409"
    sentence = "With 30 % flipped labels, rDPO reaches a higher true reward than DPO at the same β."
    methods = ("rdpo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, flips=0.3, pairs=1000)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("rdpo", "dpo", smallest=0.2),)
    remark = (
        "Flipped labels shrink the margins that DPO learns, like a larger β: on the tuning seeds DPO with β = 0.1 is "
        "as good as rDPO with 0.3."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for all."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {
            "rdpo": build("rdpo", beta=0.3, label_smoothing=0.3),
            "dpo": build("dpo", beta=0.3),
            "dpo, β = 0.1": build("dpo", beta=0.1),
        }
        return {arm: expected_reward(world, policy) for arm, policy in fit_each(world, arms, pairs).items()}
