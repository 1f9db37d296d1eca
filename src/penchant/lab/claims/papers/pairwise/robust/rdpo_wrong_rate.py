"""rDPO with a misspecified flip rate."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["RobustToAWrongRate"]


class RobustToAWrongRate(Claim):
    """rDPO with a flip rate that is too low or too high, against DPO."""

    id = "rdpo-wrong-rate"
    paper = "arXiv:2403.00409"
    sentence = (
        "With 30 % flipped labels, rDPO set to 20 % or 40 % still reaches a higher true reward than DPO at the same β."
    )
    methods = ("rdpo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, flips=0.3, pairs=1000)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("set to 20 %", "dpo", smallest=0.1), Contrast("set to 40 %", "dpo", smallest=0.1))

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for all."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {"dpo": build("dpo", beta=0.3)}
        for rate in (20, 30, 40):
            arms[f"set to {rate} %"] = build("rdpo", beta=0.3, label_smoothing=rate / 100)
        return {arm: expected_reward(world, policy) for arm, policy in fit_each(world, arms, pairs).items()}
