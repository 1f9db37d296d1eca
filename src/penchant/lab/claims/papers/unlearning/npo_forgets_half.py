"""NPO with a retain term on half of what a model knows."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import left_of_facts

__all__ = ["ForgetsHalf"]


class ForgetsHalf(Claim):
    """NPO with a retain term against gradient ascent, where half of all facts are to be forgotten."""

    id = "npo-forgets-half"
    paper = "arXiv:2404.05868"
    sentence = (
        "Where half of all facts are to be forgotten, NPO with a retain term keeps the other half and forgets, "
        "and gradient ascent destroys both."
    )
    methods = ("npo", "retain-nll", "retain-kl")
    baselines = ("gradient-ascent",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability of the right answers after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("npo-retain, retain", "gradient ascent, retain", smallest=0.2),
        Contrast("npo-kl, retain", "gradient ascent, retain", smallest=0.2),
        Contrast("npo-retain, retain", "npo-retain, forget", smallest=0.5),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        return left_of_facts(
            seed, {"gradient ascent": "gradient-ascent", "npo-retain": "npo-retain", "npo-kl": "npo-kl"}
        )
