"""SPPO on cyclic preferences."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, exploitability, run_rounds
from penchant.objectives import Objective, build

__all__ = ["NearerToEquilibrium"]


class NearerToEquilibrium(Claim):
    """SPPO and iterative DPO, with exact expectations under the policy of each round."""

    id = "sppo-cyclic-preferences"
    paper = "arXiv:2405.00675"
    sentence = (
        "With partly cyclic preferences, the mean of SPPO's iterates is closer to the Nash equilibrium than the "
        "reference, and its last iterate is closer than that of iterative DPO."
    )
    methods = ("sppo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, cycles=0.7)
    quantity = "exploitability: win rate of the best response minus one half (lower is closer)"
    contrasts = (
        Contrast("reference", "sppo, mean of iterates", smallest=0.05),
        Contrast("dpo, last iterate", "sppo, last iterate", smallest=0.02),
    )

    remark = (
        "The first effect is reproduced. With the best β for each last iterate, both methods get equally close. With "
        "the same β = ½, DPO's last iterate is far worse (0.20 against 0.10 on the tuning seeds), since its log-ratios "
        "are several times as large."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Ten rounds with the last policy as reference; each β is the best of ¼, ½, 1, 2 on the tuning seeds."""
        world = self.draw_world(seed)

        def iterates(objective: Objective) -> Tensor:
            plan = Rounds("exact", rounds=10, reference="previous", steps=30, learning_rate=0.2)
            return torch.stack(
                [policy().detach().exp() for policy in run_rounds(world, objective, plan, seed=seed)[1:]]
            )

        return {
            "reference": exploitability(world, world.reference),
            "sppo, mean of iterates": exploitability(world, iterates(build("sppo", beta=0.25)).mean(0).log()),
            "sppo, last iterate": exploitability(world, iterates(build("sppo", beta=1.0))[-1].log()),
            "dpo, last iterate": exploitability(world, iterates(build("dpo", beta=2.0))[-1].log()),
        }
