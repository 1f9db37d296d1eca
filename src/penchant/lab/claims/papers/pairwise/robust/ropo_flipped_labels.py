"""ROPO under flipped labels."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["ForgivesFlippedLabels"]


class ForgivesFlippedLabels(Claim):
    """ROPO's bounded loss against the logistic one on the same pairs."""

    id = "ropo-flipped-labels"
    paper = "arXiv:2404.04102"
    sentence = "Where 30 % of the labels are flipped, ROPO's policy has a higher true reward than DPO's at the same β."
    methods = ("ropo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, flips=0.3, pairs=1000)
    quantity = "expected true reward, in its standard deviations"
    contrasts = (Contrast("ropo", "dpo", smallest=0.2),)
    remark = (
        "ROPO follows the majority of the labels of a pair, as DPO does with a smaller β: with 0.1 instead of 0.3 it "
        "comes almost as far."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One world, one set of pairs; ROPO does not know the rate of the flips."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {"ropo": build("ropo", beta=0.3), "dpo": build("dpo", beta=0.3), "dpo, β = 0.1": build("dpo", beta=0.1)}
        return {
            arm: expected_reward(world, policy)
            for arm, policy in fit_each(world, arms, pairs, steps=80, learning_rate=0.2).items()
        }
