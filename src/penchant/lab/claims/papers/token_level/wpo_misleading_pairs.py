"""WPO with misleading off-policy pairs."""

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
    """WPO, and its weights on a hinge loss, with unlikely responses that mislead a log-linear policy."""

    id = "wpo-misleading-pairs"
    paper = "arXiv:2406.11827"
    sentence = (
        "If most pairs contain responses that are unlikely under the policy and misleading about its own, WPO reaches "
        "a higher true reward than DPO, and its weights help a hinge loss too."
    )
    methods = ("wpo",)
    baselines = ("dpo", "slic-hinge")
    world = Dials(
        prompts=12, responses=8, pairs=300, shortest=1, longest=1, features=3, concentration=-0.5, reference_spread=2.0
    )
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("wpo", "dpo", smallest=0.25),
        Contrast("slic-hinge with WPO's weights", "slic-hinge", smallest=0.2),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1. The features of responses below the reference's median are negated."""
        world = self.draw_world(seed)
        unlikely = world.reference < world.reference.median(-1, keepdim=True).values
        world = replace(world, features=torch.where(unlikely.unsqueeze(-1), -world.features, world.features))
        pairs = sample_pairs(world, seed)
        methods: dict[str, Objective] = {name: build(name, beta=0.1) for name in ("wpo", "dpo", "slic-hinge")}
        methods["slic-hinge with WPO's weights"] = WPOWeighted(build("slic-hinge", beta=0.1))
        return {
            name: expected_reward(world, policy) for name, policy in fit_each(world, methods, pairs, steps=80).items()
        }
