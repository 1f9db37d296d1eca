"""PRO on ranked lists against imitation of the best response of each list."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, best_against_worst, expected_reward, fit_each, sample_lists
from penchant.objectives import build

__all__ = ["RankedLists"]


class RankedLists(Claim):
    """PRO on 60 lists of six responses, NLL on the best response of each, DPO on the best and the worst."""

    id = "pro-ranked-lists"
    paper = "arXiv:2306.17492"
    sentence = (
        "On lists of six responses with noisy scores PRO reaches a higher true reward than imitation of the best "
        "response of each list."
    )
    methods = ("pro",)
    baselines = ("nll",)
    world = Dials(prompts=4, responses=12, score_noise=0.7, concentration=0.5)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("pro", "nll", smallest=0.05),)
    remark = (
        "w = 0.05 is the published one, and the best of it, 0.01 and 0.002 on the tuning seeds. PRO has no reference. "
        "DPO on the best and the worst response (β = 0.25) is shown for comparison."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """60 lists, 150 steps."""
        world = self.draw_world(seed)
        lists = sample_lists(world, seed, count=60, size=6)
        pairs = best_against_worst(world, lists)
        best = Examples({"chosen": pairs.views["chosen"]})
        methods = {"pro": build("pro", sft_weight=0.05), "nll": build("nll"), "dpo": build("dpo", beta=0.25)}
        policies = fit_each(world, methods, {"pro": lists, "nll": best, "dpo": pairs}, steps=150)
        return {arm: expected_reward(world, policy) for arm, policy in policies.items()}
