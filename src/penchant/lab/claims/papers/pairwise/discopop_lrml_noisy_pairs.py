"""DiscoPOP's best loss and pairs with wrong labels."""

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
    """A policy that DPO has trained a little, trained on by LRML and by DPO."""

    id = "discopop-lrml-noisy-pairs"
    paper = "arXiv:2406.08414"
    sentence = (
        "Where 30 % of certain labels are flipped and DPO has made a start, LRML's local minimum holds pairs that the "
        "policy contradicts: it obeys fewer of the flipped labels than DPO, and earns more reward."
    )
    methods = ("discopop-lrml",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=6, temperature=0.0, flips=0.3, pairs=120)
    quantity = "share of labels obeyed, or expected true reward in its standard deviations"
    contrasts = (
        Contrast("dpo, flipped", "discopop-lrml, flipped", smallest=0.03),
        Contrast("discopop-lrml, reward", "dpo, reward", smallest=0.05),
    )
    remark = (
        "It leaves rightly labelled pairs at its local minimum too, more of them than flipped ones, so nothing is "
        "gained."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Ten steps of DPO, then a hundred of each, β = 0.05."""
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
