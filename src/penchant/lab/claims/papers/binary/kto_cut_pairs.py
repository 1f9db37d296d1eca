"""KTO on pairs that are cut into single judgements."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, cut_pairs, expected_reward, fit_each, sample_pairs, some_pairs
from penchant.objectives import build
from penchant.objectives.functional.class_weights import balancing_weights

__all__ = ["CutPairs"]

_PAIRS, _KEPT = 100, 0.1


class CutPairs(Claim):
    """KTO on both sides of the pairs, and DPO on the pairs; then without nine of ten chosen responses."""

    id = "kto-cut-pairs"
    paper = "arXiv:2402.01306"
    sentence = (
        "On 100 pairs that are cut into thumbs up and down, KTO reaches the true reward of DPO on the pairs; with one "
        "in ten of the desirable responses left it reaches more than DPO on the pairs that are left."
    )
    methods = ("kto",)
    baselines = ("dpo",)
    world = Dials()
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("kto", "dpo", not_worse_by=0.1),
        Contrast("kto, few desirable", "dpo, few pairs", smallest=0.05),
    )
    seeds = range(20)
    remark = "The weight of the few desirable responses follows from the counts (desirable_weight=auto)."

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1, 50 steps."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed, count=_PAIRS)
        kept = torch.rand(_PAIRS, generator=torch.Generator().manual_seed(seed)) < _KEPT
        kept[0] = True  # one pair at least
        weight, _ = balancing_weights((int(kept.sum()), _PAIRS), "auto", 1.0)
        examples = {
            "kto": cut_pairs(pairs, seed=seed),
            "dpo": pairs,
            "kto, few desirable": cut_pairs(pairs, kept, seed=seed),
            "dpo, few pairs": some_pairs(pairs, kept),
        }
        methods = {
            "kto": build("kto"),
            "dpo": build("dpo"),
            "kto, few desirable": build("kto", desirable_weight=weight),
            "dpo, few pairs": build("dpo"),
        }
        fitted = fit_each(world, methods, examples, steps=50)
        return {arm: expected_reward(world, policy) for arm, policy in fitted.items()}
