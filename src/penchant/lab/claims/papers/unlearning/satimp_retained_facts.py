"""SatImp and retained facts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import left_of_facts
from penchant.objectives import build

__all__ = ["SatImpKeeps"]


class SatImpKeeps(Claim):
    """SatImp against gradient ascent."""

    id = "satimp-retained-facts"
    paper = "arXiv:2505.11953"
    sentence = (
        "Weights that leave out certain and forgotten tokens keep more of the other facts than gradient ascent does."
    )
    methods = ("satimp",)
    baselines = ("gradient-ascent",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability of the right answers after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("satimp, retain", "gradient ascent, retain", smallest=0.2),
        Contrast("satimp, retain", "satimp, forget", smallest=0.4),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        return left_of_facts(seed, {"gradient ascent": build("gradient-ascent"), "satimp": build("satimp")})
