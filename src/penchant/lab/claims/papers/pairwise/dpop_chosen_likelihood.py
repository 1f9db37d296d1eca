"""DPOP, Cal-DPO and the likelihood of chosen responses."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit_each, likelihood_change, similar_pairs
from penchant.objectives import build

__all__ = ["KeepTheChosenLikely"]


class KeepTheChosenLikely(Claim):
    """DPOP and Cal-DPO against DPO on pairs of maximally similar responses."""

    id = "dpop-chosen-likelihood"
    paper = "arXiv:2402.13228"
    sentence = (
        "In a log-linear world, on pairs with the most similar features, DPO lowers the likelihood of the chosen "
        "responses, and DPOP and Cal-DPO do not."
    )
    methods = ("dpop", "cal-dpo")
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8, features=16, reference_spread=0.0)
    quantity = "mean change of the chosen responses' log-probability, nats"
    contrasts = (
        Contrast("dpop", "dpo", smallest=1.0),
        Contrast("cal-dpo", "dpo", smallest=1.0),
        Contrast("dpop", 0.0, smallest=0.1),
        Contrast("cal-dpo", 0.0, smallest=0.1),
    )
    remark = (
        "The price of DPOP is that it separates fewer pairs: after the same number of steps one in ten still has the "
        "wrong implied order, and none with Cal-DPO (on the tuning seeds)."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One pair per prompt, the same for all; the targets of Cal-DPO are log-ratios of ± 2 nats."""
        world = self.draw_world(seed)
        pairs = similar_pairs(world)
        arms = {
            "dpo": build("dpo", beta=0.1),
            "dpo, β = 0.3": build("dpo", beta=0.3),
            "dpop": build("dpop", beta=0.1),
            "cal-dpo": build("cal-dpo", beta=0.25),
        }
        return {
            arm: likelihood_change(world, policy, pairs)
            for arm, policy in fit_each(world, arms, pairs, steps=60).items()
        }
