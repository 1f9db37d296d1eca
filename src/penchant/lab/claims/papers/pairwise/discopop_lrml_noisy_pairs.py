"""DiscoPOP's LRML on pairs with flipped labels."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rows,
    expected_reward,
    fit,
    fit_each,
    log_probabilities,
    sample_pairs,
)
from penchant.objectives import build

__all__ = ["LeavesNoisyPairs"]


class LeavesNoisyPairs(Claim):
    """A policy pretrained briefly with DPO, then trained further with LRML or DPO."""

    id = "discopop-lrml-noisy-pairs"
    paper = "arXiv:2406.08414"
    sentence = (
        "With 30 % of deterministic labels flipped and after a short start with DPO, the local minimum of LRML holds "
        "pairs that the policy contradicts: LRML follows fewer of the flipped labels than DPO and reaches a higher "
        "reward."
    )
    methods = ("discopop-lrml",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=6, temperature=0.0, flips=0.3, pairs=120)
    quantity = "share of labels followed, or expected true reward in standard deviations of the reward"
    contrasts = (
        Contrast("dpo, flipped", "discopop-lrml, flipped", smallest=0.03),
        Contrast("discopop-lrml, reward", "dpo, reward", smallest=0.05),
    )
    remark = (
        "LRML also leaves correctly labelled pairs at its local minimum, more of them than flipped ones, so there is "
        "no net gain."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Ten steps of DPO, then a hundred steps of each, β = 0.05."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        start = fit(world, build("dpo", beta=0.05), pairs, steps=10)
        flipped, arms = pairs.fields["flipped"] > 0, {"start, reward": expected_reward(world, start)}
        methods = {name: build(name, beta=0.05) for name in self.methods + self.baselines}
        for name, policy in fit_each(world, methods, pairs, steps=100, policy=start, reference=world.reference).items():
            obeyed = _obeyed(log_probabilities(policy) - world.reference, pairs)
            arms[f"{name}, reward"] = expected_reward(world, policy)
            arms[f"{name}, flipped"] = float(obeyed[flipped].mean())
            arms[f"{name}, right"] = float(obeyed[~flipped].mean())
        return arms


def _obeyed(logratio: Tensor, pairs: Examples) -> Tensor:
    sides = []
    for view in ("chosen", "rejected"):
        rows = pairs.views[view]
        assert isinstance(rows, Rows)
        sides.append(logratio[rows.prompt, rows.response])
    return (sides[0] > sides[1]).double()
