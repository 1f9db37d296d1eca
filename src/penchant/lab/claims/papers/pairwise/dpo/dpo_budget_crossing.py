"""Demonstrations or preferences for the same money."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit, initial_policy, sample_demonstrations, sample_pairs
from penchant.objectives import build
from penchant.training.studies.cells import spent

__all__ = ["BudgetCrossing"]


class BudgetCrossing(Claim):
    """Small and large budgets, spent on demonstrations alone or for a half on pairs."""

    id = "dpo-budget-crossing"
    paper = "arXiv:2502.11284"
    sentence = (
        "With a small budget demonstrations alone give a higher reward than half of them and pairs for the other half; "
        "with a large budget the halves do, and a tenth of it for demonstrations is better than none."
    )
    methods = ("dpo",)
    baselines = ("nll",)
    world = Dials(prompts=8, responses=8)
    quantity = "expected true reward in standard deviations"
    contrasts = (
        Contrast("24, demonstrations", "24, half", smallest=0.05),
        Contrast("1600, half", "1600, demonstrations", smallest=0.05),
        Contrast("1600, tenth", "1600, pairs", smallest=0.05),
    )

    remark = (
        "With the large budget both effects are clear. With the small one, three records a prompt, demonstrations "
        "alone lead on the tuning seeds, and on ten further worlds the interval includes 0."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Demonstrations of the reference policy sharpened by the reward; both kinds of record cost the same."""
        world = self.draw_world(seed)
        expert = (world.reference + world.reward).log_softmax(-1)
        arms = {}
        for budget in (24, 1600):
            for name, share in (("demonstrations", 1.0), ("half", 0.5), ("tenth", 0.1), ("pairs", 0.0)):
                shown, compared = spent(budget, share)
                policy = initial_policy(world)
                if shown:
                    given = sample_demonstrations(world, seed, expert, shown)
                    policy = fit(world, "nll", given, steps=60, learning_rate=0.05)
                if compared:
                    with torch.no_grad():
                        start = policy()
                    pairs = sample_pairs(world, seed, count=compared)
                    policy = fit(world, build("dpo", beta=0.1), pairs, steps=50, policy=policy, reference=start)
                arms[f"{budget}, {name}"] = expected_reward(world, policy)
        return arms
