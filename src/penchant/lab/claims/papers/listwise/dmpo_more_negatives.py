"""DMPO with several negatives against one negative."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, best_probability, fit_each, sample_wanted
from penchant.objectives import build

__all__ = ["MeanOfNegatives"]


class MeanOfNegatives(Claim):
    """DMPO on 200 picks among 20 items with eight random negatives to each, and DPO with one."""

    id = "dmpo-more-negatives"
    paper = "arXiv:2410.16127"
    sentence = (
        "With eight random negatives to each picked item DMPO recommends the best of 20 items more often than DPO with "
        "one."
    )
    methods = ("dmpo",)
    baselines = ("dpo",)
    seeds = range(5)
    world = Dials(prompts=10, responses=20, temperature=0.5)
    quantity = "probability of the best item of a prompt under the trained policy"
    contrasts = (Contrast("dmpo, 8 negatives", "1 negative", smallest=0.03),)

    remark = (
        "β = 0.1 is the best of 0.1, 0.3 and 1 for both on the tuning seeds. Each of N negatives gets 1/N of the "
        "gradient, so that many easy ones push a policy less than S-DPO's softmax does."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same 200 picks for every arm, 60 steps; β of each method is its best on the tuning seeds."""
        world = self.draw_world(seed)
        one, eight = (sample_wanted(world, seed, 200, count) for count in (1, 8))
        methods = {
            "1 negative": build("s-dpo", beta=0.1),
            "dmpo, 8 negatives": build("dmpo", beta=0.1),
        }
        fitted = fit_each(world, methods, {**dict.fromkeys(methods, eight), "1 negative": one}, steps=60)
        return {arm: best_probability(world, policy) for arm, policy in fitted.items()}
