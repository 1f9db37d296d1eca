"""CE-U and retained facts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import left_of_facts
from penchant.objectives import build

__all__ = ["CEUKeeps"]


class CEUKeeps(Claim):
    """CE-U against gradient ascent."""

    id = "ce-u-retained-facts"
    paper = "arXiv:2503.01224"
    sentence = (
        "Cross-entropy against the own distribution without the true token has a gradient that vanishes once the "
        "token is forgotten, so more of the other facts is left than with gradient ascent."
    )
    methods = ("ce-u",)
    baselines = ("gradient-ascent",)
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "mean probability of the right answers after 150 steps, in [0, 1]"
    seeds = range(6)
    contrasts = (
        Contrast("ce-u, retain", "gradient ascent, retain", smallest=0.15),
        Contrast("ce-u, retain", "ce-u, forget", smallest=0.4),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Adam with the learning rate 0.01 for 150 steps, several times what forgetting needs."""
        return left_of_facts(
            seed, {"gradient ascent": build("gradient-ascent"), "ce-u": build("ce-u", ignore_first_n_answer_tokens=0)}
        )
