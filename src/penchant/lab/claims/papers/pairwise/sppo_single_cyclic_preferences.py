"""SPPO without win rates where preferences run in circles."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, exploitability, log_probabilities, run_rounds
from penchant.objectives import build

__all__ = ["LabelsForWinRates"]


class LabelsForWinRates(Claim):
    """SPPO with one probability a pair, with labels alone, and with win rates; exact expectations in each round."""

    id = "sppo-single-cyclic-preferences"
    paper = "arXiv:2405.00675"
    sentence = (
        "Where preferences are partly cyclic and each round sees every pair of its policy's responses, the mean of the "
        "iterates of SPPO with one probability a pair, and with labels alone, is nearer to the Nash equilibrium than "
        "the reference, and not farther from it than that of SPPO with win rates."
    )
    methods = ("sppo-single", "sppo-hard")
    baselines = ("sppo",)
    world = Dials(prompts=4, responses=5, cycles=0.7)
    quantity = "exploitability, how far the best answer wins more than half the time (less is nearer)"
    contrasts = (
        Contrast("reference", "sppo-single", smallest=0.05),
        Contrast("reference", "sppo-hard", smallest=0.05),
        Contrast("sppo", "sppo-single", not_worse_by=0.02),
        Contrast("sppo", "sppo-hard", not_worse_by=0.02),
    )
    remark = (
        "Over all pairs, each as often as it is sampled and labelled, the mean target of a response is the same for "
        "one probability a pair and for labels, so their iterates are equal. With a few samples a round (best and "
        "worst of five, on the tuning seeds) both are farther from the equilibrium than the reference is with each of "
        "the four β, and farther than SPPO with win rates."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Ten rounds, held to the last policy; β = ¼ is the best of ¼, ½, 1, 2 for all three on the tuning seeds."""
        world = self.draw_world(seed)
        plan = Rounds("exact", rounds=10, reference="previous", steps=30, learning_rate=0.2)
        arms = {"reference": exploitability(world, world.reference)}
        for name in (*self.methods, *self.baselines):
            iterates = run_rounds(world, build(name, beta=0.25), plan, seed=seed)[1:]
            mean = torch.stack([log_probabilities(policy).exp() for policy in iterates]).mean(0)
            arms[name] = exploitability(world, mean.log())
        return arms
