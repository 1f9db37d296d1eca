"""WPO where other policies' responses mislead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import Objective, build
from penchant.objectives.wrappers.wpo_weighted import WPOWeighted

__all__ = ["OwnPairsCountMore"]


class OwnPairsCountMore(Claim):
    """WPO, and its weights around a hinge, where unlikely responses teach a log-linear policy the opposite."""

    id = "wpo-misleading-pairs"
    paper = "arXiv:2406.11827"
    sentence = (
        "Where most pairs hold responses that the policy hardly ever writes, and these teach the opposite of what "
        "holds for its own, WPO's policy has a higher true reward than DPO's, and its weights help a hinge loss too."
    )
    methods = ("wpo",)
    baselines = ("dpo", "slic-hinge")
    world = Dials(
        prompts=12, responses=8, pairs=300, shortest=1, longest=1, features=3, concentration=-0.5, reference_spread=2.0
    )
    quantity = "expected true reward, in its standard deviations"
    contrasts = (
        Contrast("wpo", "dpo", smallest=0.25),
        Contrast("slic-hinge with WPO's weights", "slic-hinge", smallest=0.2),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1. The features of the responses below the reference's median count the other way."""
        world = self.draw_world(seed)
        unlikely = world.reference < world.reference.median(-1, keepdim=True).values
        world = replace(world, features=torch.where(unlikely.unsqueeze(-1), -world.features, world.features))
        pairs = sample_pairs(world, seed)
        methods: dict[str, Objective] = {name: build(name, beta=0.1) for name in ("wpo", "dpo", "slic-hinge")}
        methods["slic-hinge with WPO's weights"] = WPOWeighted(build("slic-hinge", beta=0.1))
        return {
            name: expected_reward(world, policy) for name, policy in fit_each(world, methods, pairs, steps=80).items()
        }
