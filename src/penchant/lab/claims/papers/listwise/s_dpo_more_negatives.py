"""S-DPO and DMPO with several negatives against one negative."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Policy, World, fit_each, log_probabilities, sample_wanted
from penchant.objectives import build

__all__ = ["MoreNegatives", "hit_rate"]


class MoreNegatives(Claim):
    """S-DPO and DMPO on 400 picks among 20 items, with one, three and eight random negatives to each."""

    id = "s-dpo-more-negatives"
    paper = "arXiv:2406.09215"
    sentence = (
        "With eight random negatives to each picked item S-DPO recommends the best of 20 items more often than with "
        "one, which is DPO; so does DMPO."
    )
    methods = ("s-dpo", "dmpo")
    baselines = ("dpo",)
    world = Dials(prompts=20, responses=20, temperature=0.5)
    quantity = "probability of the best item of a prompt under the trained policy"
    contrasts = (
        Contrast("s-dpo, 8 negatives", "1 negative", smallest=0.03),
        Contrast("s-dpo, 3 negatives", "1 negative", smallest=0.015),
        Contrast("dmpo, 8 negatives", "1 negative", smallest=0.03),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same 400 picks for every arm, β = 1, 60 steps."""
        world = self.draw_world(seed)
        lists = {count: sample_wanted(world, seed, 400, count) for count in (1, 3, 8)}
        arms = {"1 negative": ("s-dpo", 1)}
        arms |= {f"{name}, {count} negatives": (name, count) for name in ("s-dpo", "dmpo") for count in (3, 8)}
        methods = {arm: build(name, beta=1.0) for arm, (name, _) in arms.items()}
        fitted = fit_each(world, methods, {arm: lists[count] for arm, (_, count) in arms.items()}, steps=60)
        return {"reference": hit_rate(world, world.reference), **{a: hit_rate(world, p) for a, p in fitted.items()}}


def hit_rate(world: World, policy: Policy | torch.Tensor) -> float:
    """The mean probability of the best item of each prompt."""
    best = world.reward.argmax(-1, keepdim=True)
    return float(log_probabilities(policy).exp().gather(1, best).mean())
