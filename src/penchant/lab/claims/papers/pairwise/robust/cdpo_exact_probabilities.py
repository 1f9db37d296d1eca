"""cDPO and conservative IPO with exact preference probabilities."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit_each, rated_pairs, suboptimality
from penchant.objectives import build

__all__ = ["BestWithExactProbabilities"]


class BestWithExactProbabilities(Claim):
    """Losses with and without a finite optimum, on pairs with exact probabilities."""

    id = "cdpo-exact-probabilities"
    paper = "arXiv:2409.06691"
    sentence = (
        "Given the true probability of each pair, cDPO and conservative IPO get closer to the KL-regularised optimum "
        "than DPO and IPO with hard labels, and than GDPO."
    )
    methods = ("cdpo", "cipo")
    baselines = ("dpo", "ipo", "gdpo")
    world = Dials(prompts=8, responses=6, temperature=2.0, pairs=100)
    quantity = "gap of reward − 0.6 KL to the optimal policy, in standard deviations of the reward (lower is better)"
    contrasts = (
        Contrast("dpo", "cdpo", smallest=0.2),
        Contrast("ipo", "cipo", smallest=0.2),
        Contrast("gdpo", "cdpo", smallest=0.2),
    )
    remark = (
        "Geometric averaging does not win here: it has no finite optimum, while the optimum of cDPO is the optimal "
        "policy for the KL weight β times the temperature."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for all; β = 0.3 for the logistic losses, a quarter of it for the squares."""
        world = self.draw_world(seed)
        pairs = rated_pairs(world, seed)
        arms = {name: build(name, beta=0.3) for name in ("dpo", "gdpo", "cdpo")}
        arms |= {name: build(name, beta=0.075, average_log_prob=False) for name in ("ipo", "cipo")}
        return {
            arm: suboptimality(world, policy, 0.6)
            for arm, policy in fit_each(world, arms, pairs, steps=60, learning_rate=0.2).items()
        }
