"""DPO and ranking accuracy."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Policy,
    fit,
    log_probabilities,
    optimal_policy,
    ranking_accuracy,
    sample_pairs,
)
from penchant.objectives import build

__all__ = ["RankingsStayWrong"]


class RankingsStayWrong(Claim):
    """DPO with a reference that ranks many pairs wrongly, stopped when its loss has fallen by a third."""

    id = "dpo-ranking-accuracy"
    paper = "arXiv:2405.19534"
    sentence = (
        "When the DPO loss has fallen by a third and the implied rewards rank most pairs correctly, the policy itself "
        "still ranks many of them wrongly, more than an idealised policy would."
    )
    methods = ("dpo",)
    world = Dials(prompts=8, responses=6, reference_spread=3.0, temperature=0.5, pairs=400)
    quantity = "ranking accuracy over pairs of responses"
    contrasts = (
        Contrast("dpo, implied reward", "dpo, policy", smallest=0.1),
        Contrast("idealised policy", "dpo, policy", smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Ranking by log-ratios, by log-probabilities, and by the optimal policy of DPO."""
        world = self.draw_world(seed)
        stopped: list[Policy] = []

        def watch(step: int, policy: Policy, loss: float) -> None:
            if not stopped and loss < 2 / 3 * math.log(2):
                stopped.append(copy.deepcopy(policy))

        last = fit(world, build("dpo", beta=0.5), sample_pairs(world, seed), steps=100, watch=watch)
        logp = log_probabilities((stopped or [last])[0])
        return {
            "reference": ranking_accuracy(world, world.reference),
            "dpo, policy": ranking_accuracy(world, logp),
            "dpo, implied reward": ranking_accuracy(world, logp - world.reference),
            # Labels have temperature ½, so the reward that DPO learns is twice the true one.
            "idealised policy": ranking_accuracy(world, optimal_policy(world, 0.5 * world.dials.temperature)),
        }
