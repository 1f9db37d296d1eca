"""WGA and retained facts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import left_of_facts
from penchant.objectives import build

__all__ = ["WGAKeeps"]


class WGAKeeps(Claim):
    """Weighted gradient ascent against gradient ascent."""

    id = "wga-retained-facts"
    paper = "arXiv:2502.19301"
    sentence = (
        "Weights that vanish on forgotten tokens let gradient ascent stop by itself, so more of the other facts "
        "is left."
    )
    methods = ("wga",)
    baselines = ("gradient-ascent",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability of the right answers after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("wga, retain", "gradient ascent, retain", smallest=0.15),
        Contrast("wga, retain", "wga, forget", smallest=0.4),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        return left_of_facts(seed, {"gradient ascent": build("gradient-ascent"), "wga": build("wga")})
