"""SPPO where preferences run in circles."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.tabular import Dials, Rounds, exploitability, run_rounds
from penchant.objectives import Objective, build

__all__ = ["NearerToEquilibrium"]


class NearerToEquilibrium(Claim):
    """SPPO and iterative DPO with exact expectations over each round's policy."""

    id = "sppo-cyclic-preferences"
    paper = "arXiv:2405.00675"
    sentence = (
        "Where preferences are partly cyclic, the mean of SPPO's iterates comes nearer to the Nash equilibrium than the "
        "reference is, and than the mean of iterative DPO's."
    )
    methods = ("sppo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, cycles=0.7)
    quantity = "exploitability of the mean of the iterates (less is nearer to the equilibrium)"
    contrasts = (Contrast("reference", "sppo", smallest=0.05), Contrast("dpo", "sppo", smallest=0.02))

    def measure(self, seed: int) -> Mapping[str, float]:
        """Ten rounds of each, the last policy as the anchor."""
        world = self.draw_world(seed)

        def gap(objective: Objective) -> float:
            plan = Rounds("exact", rounds=10, anchor="previous", steps=50)
            iterates = [policy().detach().exp() for policy in run_rounds(world, objective, plan, seed=seed)]
            return exploitability(world, torch.stack(iterates[1:]).mean(0).log())

        return {
            "reference": exploitability(world, world.reference),
            "sppo": gap(build("sppo", beta=0.5)),
            "dpo": gap(build("dpo", beta=0.5)),
        }
