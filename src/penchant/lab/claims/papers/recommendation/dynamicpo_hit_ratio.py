"""DynamicPO and S-DPO with many negatives: hits of recommended lists."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit, fit_each
from penchant.lab.worlds.tabular.next_items import hit_rate, sample_next_items, with_negatives
from penchant.objectives import build

__all__ = ["HitRatio"]


class HitRatio(Claim):
    """Both start from a policy trained by likelihood on the same items, with 30 negatives drawn uniformly."""

    id = "dynamicpo-hit-ratio"
    paper = "arXiv:2605.00327"
    sentence = (
        "With 30 negatives beside each of 40 next items, lists of DynamicPO hold the next item more often than those "
        "of S-DPO."
    )
    methods = ("dynamicpo",)
    baselines = ("s-dpo", "nll")
    world = Dials(prompts=8, responses=40, features=24, reward_scale=2.0, reference_spread=0.5)
    quantity = "probability that the next item is among the five most likely ones, in [0, 1]"
    contrasts = (Contrast("dynamicpo", "s-dpo", smallest=0.01),)
    seeds = range(6)
    remark = (
        "A policy with a few parameters per user has no easy way to collapse, so many easy negatives do S-DPO no harm "
        "here. What DynamicPO keeps is the likelihood of the items (dynamicpo-many-negatives)."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 1, 40 steps, as in dynamicpo-many-negatives."""
        world = self.draw_world(seed)
        demonstrations = sample_next_items(world, seed, count=40)
        start = fit(world, "nll", demonstrations, steps=60, learning_rate=0.05)
        trained = fit_each(
            world,
            {name: build(name, beta=1.0) for name in ("dynamicpo", "s-dpo")},
            with_negatives(world, demonstrations, 30, seed),
            steps=40,
            learning_rate=0.05,
            policy=start,
            reference=start,
        )
        return {name: hit_rate(world, policy, 5) for name, policy in {**trained, "nll": start}.items()}
