"""SimNPO and retained facts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import left_of_facts
from penchant.objectives import build

__all__ = ["SimNPOKeeps"]


class SimNPOKeeps(Claim):
    """SimNPO against NPO, both without a retain term."""

    id = "simnpo-retained-facts"
    paper = "arXiv:2410.07163"
    sentence = (
        "Without a retain term, training that goes on damages the facts that nobody asked to forget less with "
        "SimNPO than with NPO, whose reference keeps its gradient large for longer."
    )
    methods = ("simnpo",)
    baselines = ("npo",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability of the right answers after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("simnpo, retain", "npo, retain", smallest=0.1),
        Contrast("simnpo, retain", "simnpo, forget", smallest=0.4),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        return left_of_facts(seed, {"npo": build("npo"), "simnpo": build("simnpo")})
