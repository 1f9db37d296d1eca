"""S-DPO with several negatives against one negative."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, best_probability, fit_each, sample_wanted
from penchant.objectives import build

__all__ = ["MoreNegatives"]


class MoreNegatives(Claim):
    """S-DPO on 200 picks among 20 items, with one, three and eight random negatives to each."""

    id = "s-dpo-more-negatives"
    paper = "arXiv:2406.09215"
    sentence = (
        "With eight random negatives to each picked item S-DPO recommends the best of 20 items more often than with "
        "one, which is DPO."
    )
    methods = ("s-dpo",)
    baselines = ("dpo",)
    seeds = range(5)
    world = Dials(prompts=10, responses=20, temperature=0.5)
    quantity = "probability of the best item of a prompt under the trained policy"
    contrasts = (
        Contrast("s-dpo, 8 negatives", "1 negative", smallest=0.03),
        Contrast("s-dpo, 3 negatives", "1 negative", smallest=0.015),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same 200 picks for every arm, β = 1, 60 steps."""
        world = self.draw_world(seed)
        lists = {count: sample_wanted(world, seed, 200, count) for count in (1, 3, 8)}
        arms = {"1 negative": 1, "s-dpo, 3 negatives": 3, "s-dpo, 8 negatives": 8}
        methods = {arm: build("s-dpo", beta=1.0) for arm in arms}
        fitted = fit_each(world, methods, {arm: lists[count] for arm, count in arms.items()}, steps=60)
        found = {arm: best_probability(world, policy) for arm, policy in fitted.items()}
        return {"reference": best_probability(world, world.reference), **found}
