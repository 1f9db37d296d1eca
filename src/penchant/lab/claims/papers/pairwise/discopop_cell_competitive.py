"""The other DiscoPOP losses against DPO."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["OthersAsGoodAsDPO"]

_OTHERS = ("discopop-cell", "discopop-padll", "discopop-aqfl", "discopop-dbaql", "discopop-pfl", "discopop-aql")


class OthersAsGoodAsDPO(Claim):
    """Six discovered losses and DPO, trained from the reference on the same pairs."""

    id = "discopop-cell-competitive"
    paper = "arXiv:2406.08414"
    sentence = (
        "Trained from the reference with the β of the paper, each of the six other discovered losses is about as good "
        "as DPO."
    )
    methods = _OTHERS
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, pairs=300)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = tuple(Contrast(name, "dpo", not_worse_by=0.3) for name in _OTHERS)
    remark = (
        "CELL, PADLL, AQFL and DBAQL are. AQL, like LRML, gets stuck in a local minimum below z = 0, where training "
        "starts. PFL gives pairs that the reference ranks wrongly four times the weight of the others, including pairs "
        "with random labels."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.05 for all, 80 steps."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        methods = {name: build(name, beta=0.05) for name in self.methods + self.baselines}
        trained = fit_each(world, methods, pairs, steps=80)
        arms = {name: expected_reward(world, policy) for name, policy in trained.items()}
        return {**arms, "reference": expected_reward(world, world.reference)}
