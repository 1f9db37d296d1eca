"""ROPO under flipped labels."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["ForgivesFlippedLabels"]


class ForgivesFlippedLabels(Claim):
    """ROPO's bounded loss against the logistic loss on the same pairs."""

    id = "ropo-flipped-labels"
    paper = "arXiv:2404.04102"
    sentence = "With 30 % flipped labels, ROPO reaches a higher true reward than DPO at the same β."
    methods = ("ropo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, flips=0.3, pairs=1000)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("ropo", "dpo", smallest=0.2),)
    remark = (
        "ROPO follows the majority label of a pair, as DPO does with a smaller β: with 0.1 instead of 0.3, DPO is "
        "almost as good."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for all; ROPO does not know the flip rate."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {"ropo": build("ropo", beta=0.3), "dpo": build("dpo", beta=0.3), "dpo, β = 0.1": build("dpo", beta=0.1)}
        return {
            arm: expected_reward(world, policy)
            for arm, policy in fit_each(world, arms, pairs, steps=80, learning_rate=0.2).items()
        }
