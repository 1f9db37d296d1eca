"""cDPO against rDPO under flipped labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit_each, sample_pairs, suboptimality
from penchant.objectives import build

__all__ = ["BetterOnlyWithFewLabels"]


class BetterOnlyWithFewLabels(Claim):
    """cDPO and rDPO with the same flip rate, on few and on many labels."""

    id = "cdpo-against-rdpo"
    paper = "arXiv:2403.00409"
    sentence = (
        "With many labels and 30 % flips, rDPO gets closer to the KL-regularised optimum than cDPO, whose optimum is "
        "too flat; with few labels the order is reversed, since the loss of rDPO is unbounded."
    )
    methods = ("cdpo", "rdpo")
    world = Dials(prompts=4, responses=5, flips=0.3, pairs=1000)
    quantity = "gap of reward − 0.3 KL to the optimal policy, in standard deviations of the reward (lower is better)"
    contrasts = (
        Contrast("cdpo, 1000 labels", "rdpo, 1000 labels", smallest=0.2),
        Contrast("rdpo, 40 labels", "cdpo, 40 labels", smallest=0.1),
    )
    remark = (
        "Forty labels vary so much that ten seeds do not decide the second effect. The first is a matter of scale: "
        "with 1000 labels and β = 0.1 instead of 0.3, cDPO is as good as rDPO."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Both with β = 0.3 on the same labels; they know the flip rate, but not the probability of each pair."""
        world = self.draw_world(seed)
        arms = {}
        for count in (40, 1000):
            pairs = replace(sample_pairs(world, seed, count), fields={})
            methods = {
                f"{name}, {count} labels": build(name, beta=0.3, label_smoothing=0.3) for name in ("cdpo", "rdpo")
            }
            if count == 1000:
                methods["cdpo, 1000 labels, β = 0.1"] = build("cdpo", beta=0.1, label_smoothing=0.3)
            for arm, policy in fit_each(world, methods, pairs, steps=80, learning_rate=0.2).items():
                arms[arm] = suboptimality(world, policy, 0.3)
        return arms
