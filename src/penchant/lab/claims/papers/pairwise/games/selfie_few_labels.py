"""Selfie and CREAM: rounds on labels of the policy's own, after few labels of people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit, sample_pairs
from penchant.lab.worlds.tabular.matches import label_oneself
from penchant.objectives import build

__all__ = ["DriftsLess"]


class DriftsLess(Claim):
    """Four rounds on labels of the policy's own, from the same start."""

    id = "selfie-few-labels"
    paper = "arXiv:2406.04412"
    sentence = (
        "After 24 labels, three per prompt, four rounds on labels of the policy's own lose reward under plain DPO, and "
        "less under Selfie and under CREAM."
    )
    methods = ("selfie", "cdpo")
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8, pairs=24)
    quantity = "expected reward after four rounds"
    contrasts = (Contrast("selfie", "dpo", smallest=0.02), Contrast("cream", "dpo", smallest=0.02))

    remark = (
        "In a table a round of plain DPO on labels of its own sharpens the ranking that the few labels "
        "have given, and gains reward; there is little noise to detect, and CREAM's result varies with the seed."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same start for all; a = 0.3 and q = 0.5 were chosen on a few tuning seeds."""
        world = self.draw_world(seed)
        start = fit(world, build("dpo", beta=0.5), sample_pairs(world, seed), steps=60, learning_rate=0.1)
        plan: dict[str, Any] = {"rounds": 4, "steps": 60, "learning_rate": 0.1}
        arms = {
            "dpo": label_oneself(world, build("dpo", beta=0.5), start, **plan),
            "selfie": label_oneself(world, build("selfie", beta=0.5, strength=0.3, quantile=0.5), start, **plan),
            "cream": label_oneself(world, build("cdpo", beta=0.5), start, consistent=True, **plan),
        }
        found = {arm: expected_reward(world, policies[-1]) for arm, policies in arms.items()}
        return {"start": expected_reward(world, start), **found}
