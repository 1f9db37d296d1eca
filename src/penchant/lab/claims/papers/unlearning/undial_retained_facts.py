"""UNDIAL and retained facts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import left_of_facts
from penchant.objectives import build

__all__ = ["UNDIALKeeps"]


class UNDIALKeeps(Claim):
    """UNDIAL against gradient ascent."""

    id = "undial-retained-facts"
    paper = "arXiv:2402.10052"
    sentence = (
        "A fixed target without the answers to forget is reached and held, so the other facts survive long "
        "training, and the forgotten ones stay forgotten."
    )
    methods = ("undial",)
    baselines = ("gradient-ascent",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability of the right answers after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("undial, retain", "gradient ascent, retain", smallest=0.2),
        Contrast("undial, retain", "undial, forget", smallest=0.4),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        return left_of_facts(seed, {"gradient ascent": build("gradient-ascent"), "undial": build("undial")})
