"""The other losses that DiscoPOP found."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["OthersAsGoodAsDPO"]

_OTHERS = ("discopop-cell", "discopop-padll", "discopop-aqfl", "discopop-dbaql", "discopop-pfl", "discopop-aql")


class OthersAsGoodAsDPO(Claim):
    """Six found losses and DPO from the reference on the same pairs."""

    id = "discopop-cell-competitive"
    paper = "arXiv:2406.08414"
    sentence = (
        "Trained from the reference at the paper's β, each of the six other found losses is about as good as DPO."
    )
    methods = _OTHERS
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, pairs=300)
    quantity = "expected true reward, in its standard deviations"
    contrasts = tuple(Contrast(name, "dpo", not_worse_by=0.3) for name in _OTHERS)
    remark = (
        "CELL, PADLL, AQFL and DBAQL are. AQL, like LRML, falls into a local minimum below z = 0, where training "
        "starts; PFL pushes pairs that the reference orders wrongly with four times the weight of the others, labels "
        "by chance among them."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.05 for all, 80 steps."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        methods = {name: build(name, beta=0.05) for name in self.methods + self.baselines}
        trained = fit_each(world, methods, pairs, steps=80)
        arms = {name: expected_reward(world, policy) for name, policy in trained.items()}
        return {**arms, "reference": expected_reward(world, world.reference)}
