"""EXO's reverse KL with a policy that cannot express the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, World, expected_reward, fit_each, regularised_value, sample_lists
from penchant.objectives import build

__all__ = ["ReverseDivergenceSeeksAMode"]


class ReverseDivergenceSeeksAMode(Claim):
    """EXO and DPO on the same scored lists, with a policy that is too small for the optimum."""

    id = "exo-rw-mode-seeking"
    paper = "arXiv:2402.00856"
    sentence = (
        "With three features that cannot express the optimum, EXO's reverse KL on lists of four reaches a higher "
        "regularised value and a higher true reward than the forward KL of DPO."
    )
    methods = ("exo-rw",)
    baselines = ("dpo-rw",)
    world = Dials(prompts=8, responses=8, reference_spread=0.0, concentration=0.0)
    quantity = "expected true reward in standard deviations of the reward; minus 0.1 KL for the value"
    contrasts = (
        Contrast("exo-rw, value", "dpo-rw, value", smallest=0.1),
        Contrast("exo-rw, reward", "dpo-rw, reward", smallest=0.2),
    )

    def draw_world(self, seed: int) -> World:
        """The world for the seed, with three features that are independent of the reward."""
        world = super().draw_world(seed)
        generator = torch.Generator().manual_seed(seed + 7)
        return replace(world, features=torch.randn(8, 8, 3, generator=generator, dtype=torch.float64))

    def measure(self, seed: int) -> Mapping[str, float]:
        """100 lists, 150 steps, β_π = 1 and β_r = 0.1, so the weight of the divergence is 0.1."""
        world = self.draw_world(seed)
        lists = sample_lists(world, seed)
        arms = {}
        methods = {name: build(name, beta_policy=1.0, beta_reward=0.1) for name in ("exo-rw", "dpo-rw")}
        for name, policy in fit_each(world, methods, lists, steps=150).items():
            arms[f"{name}, value"] = regularised_value(world, policy, 0.1)
            arms[f"{name}, reward"] = expected_reward(world, policy)
        return arms
