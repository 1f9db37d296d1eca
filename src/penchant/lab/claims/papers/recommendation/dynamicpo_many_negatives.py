"""DynamicPO and S-DPO with many negatives: the likelihood of what users take."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit, fit_each
from penchant.lab.worlds.tabular.next_items import next_item_logp, sample_next_items, with_negatives
from penchant.objectives import build

__all__ = ["ManyNegatives"]


class ManyNegatives(Claim):
    """Both start from a policy trained by likelihood on the same items, with 3 or 30 negatives drawn uniformly."""

    id = "dynamicpo-many-negatives"
    paper = "arXiv:2605.00327"
    sentence = (
        "With 30 negatives beside each of 40 next items, DynamicPO leaves the items that users take more likely than "
        "S-DPO does."
    )
    methods = ("dynamicpo",)
    baselines = ("s-dpo", "nll")
    world = Dials(prompts=8, responses=40, features=24, reward_scale=2.0, reference_spread=0.5)
    quantity = "expected log-probability of the next item, nats"
    contrasts = (Contrast("dynamicpo, 30 negatives", "s-dpo, 30 negatives", smallest=0.1),)
    seeds = range(6)
    remark = (
        "DynamicPO pushes down only items that compete with the chosen one. The likelihood from before preference "
        "training stays the highest: both trade it for order."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 1, 40 steps; the learning rate is one at which both methods order items better on the tuning seeds."""
        world = self.draw_world(seed)
        demonstrations = sample_next_items(world, seed, count=40)
        start = fit(world, "nll", demonstrations, steps=60, learning_rate=0.05)
        lists = {count: with_negatives(world, demonstrations, count, seed) for count in (3, 30)}
        arms = {f"{name}, {count} negatives": (name, count) for name in ("dynamicpo", "s-dpo") for count in lists}
        trained = fit_each(
            world,
            {arm: build(name, beta=1.0) for arm, (name, _) in arms.items()},
            {arm: lists[count] for arm, (_, count) in arms.items()},
            steps=40,
            learning_rate=0.05,
            policy=start,
            reference=start,
        )
        found = {arm: next_item_logp(world, policy) for arm, policy in trained.items()}
        return {**found, "nll": next_item_logp(world, start)}
