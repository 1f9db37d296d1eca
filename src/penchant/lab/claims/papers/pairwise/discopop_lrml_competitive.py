"""DiscoPOP's LRML against DPO, trained from the reference."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["AsGoodAsDPO"]


class AsGoodAsDPO(Claim):
    """LRML and DPO, trained from the reference on the same pairs, each with two values of β."""

    id = "discopop-lrml-competitive"
    paper = "arXiv:2406.08414"
    sentence = "Trained from the reference, LRML is better than the reference and about as good as DPO."
    methods = ("discopop-lrml",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, pairs=300)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("discopop-lrml, β = 0.05", "reference", smallest=0.4),
        Contrast("discopop-lrml, β = 0.05", "dpo, β = 0.05", not_worse_by=0.2),
    )
    remark = (
        "At z = 0, where training starts, the gradient of LRML lowers the chosen response, towards the local minimum "
        "at z = −0.12; full-batch training without noise never leaves it, at any β tried. In large models margins vary "
        "by far more than the barrier of 0.07 in z."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.05 is the value of the paper."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {"reference": expected_reward(world, world.reference)}
        methods = {
            f"{name}, β = {beta}": build(name, beta=beta)
            for name in self.methods + self.baselines
            for beta in (0.05, 0.3)
        }
        for arm, policy in fit_each(world, methods, pairs, steps=80).items():
            arms[arm] = expected_reward(world, policy)
        return arms
