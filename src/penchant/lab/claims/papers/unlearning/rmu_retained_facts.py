"""RMU and retained facts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import left_of_facts
from penchant.objectives import build

__all__ = ["Misdirects"]


class Misdirects(Claim):
    """RMU on the hidden layer against gradient ascent."""

    id = "rmu-retained-facts"
    paper = "arXiv:2403.03218"
    sentence = (
        "Steering the hidden states of what is to be forgotten to a random direction, and holding those of the "
        "rest, makes the former unknown and keeps the latter, where gradient ascent destroys both."
    )
    methods = ("rmu",)
    baselines = ("gradient-ascent",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability of the right answers after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("rmu, retain", "gradient ascent, retain", smallest=0.2),
        Contrast("rmu, retain", "rmu, forget", smallest=0.5),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        return left_of_facts(
            seed, {"gradient ascent": build("gradient-ascent"), "rmu": build("rmu", layer="0", steering_coeff=5.0)}
        )
