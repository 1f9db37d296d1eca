"""IDK: refusals where they are asked for, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import draw_facts, train_memory
from penchant.objectives import build

__all__ = ["Refuses"]


class Refuses(Claim):
    """Refusal training; its refusals on what is forgotten and on what is kept."""

    id = "idk-refuses-forgotten"
    paper = "arXiv:2401.06121"
    sentence = (
        "After training on refusals together with the records to keep, the model refuses what is to be forgotten "
        "and answers the rest."
    )
    methods = ("idk",)
    baselines = ("gradient-ascent",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("idk, refusal", "idk, refusal of retained questions", smallest=0.8),
        Contrast("idk, retain", "gradient ascent, retain", smallest=0.2),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        facts = draw_facts(seed)
        views = {**facts.view, "refused": (facts.view["retain"][0], facts.view["idk"][1])}
        found = {
            name: train_memory(facts.memory, build(name), facts.view, steps=150, learning_rate=0.01)
            for name in ("idk", "gradient-ascent")
        }
        return {
            "idk, refusal": float(found["idk"].probability(views["idk"])[-1]),
            "idk, refusal of retained questions": float(found["idk"].probability(views["refused"])[-1]),
            "idk, retain": float(found["idk"].probability(views["retain"])[-1]),
            "gradient ascent, retain": float(found["gradient-ascent"].probability(views["retain"])[-1]),
        }
