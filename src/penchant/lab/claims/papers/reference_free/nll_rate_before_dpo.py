"""The learning rate of supervised fine-tuning before DPO."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rows, expected_reward, fit, sample_demonstrations, sample_pairs
from penchant.objectives import build

__all__ = ["LowerRateBeforeDPO"]


class LowerRateBeforeDPO(Claim):
    """DPO after supervised stages whose learning rates differ."""

    id = "nll-rate-before-dpo"
    paper = "arXiv:2507.00018"
    sentence = (
        "With three demonstrations per prompt, a supervised stage at a tenth of the learning rate fits them less and "
        "is worse by itself, and yet DPO from its model, with that model as the reference, reaches a higher reward."
    )
    methods = ("nll",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8)
    quantity = "expected true reward in standard deviations, or mean log-likelihood of the demonstrations in nats"
    contrasts = (
        Contrast("usual rate, likelihood", "low rate, likelihood", smallest=0.1),
        Contrast("usual rate, sft alone", "low rate, sft alone", smallest=0.05),
        Contrast("low rate, then dpo", "usual rate, then dpo", smallest=0.02),
    )

    remark = (
        "The effect is small and needs few demonstrations: with five per prompt, or with demonstrations of a better "
        "expert, the higher rate was better after DPO too (tuning seeds). On ten worlds the interval includes 0."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """24 demonstrations of the reference policy sharpened by half of the reward, 60 steps; then 200 pairs."""
        world = self.draw_world(seed)
        expert = (world.reference + 0.5 * world.reward).log_softmax(-1)
        shown, pairs = sample_demonstrations(world, seed, expert, 24), sample_pairs(world, seed, count=200)
        rows = shown.views["chosen"]
        assert isinstance(rows, Rows)
        arms = {}
        for name, rate in (("usual rate", 0.2), ("low rate", 0.02)):
            start = fit(world, "nll", shown, steps=60, learning_rate=rate)
            with torch.no_grad():
                table = start()
            arms[f"{name}, likelihood"] = float(table[rows.prompt, rows.response].mean())
            arms[f"{name}, sft alone"] = expected_reward(world, table)
            tuned = fit(world, build("dpo", beta=0.1), pairs, steps=50, policy=start, reference=table)
            arms[f"{name}, then dpo"] = expected_reward(world, tuned)
        return arms
