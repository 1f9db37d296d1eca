"""Constrained Preference Optimization with a reference that prefers rejected responses."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, all_pairs, fit_each, log_probabilities
from penchant.objectives import Objective, build

__all__ = ["RepairsWrongReference"]


class RepairsWrongReference(Claim):
    """DPO and the variants of Constrained Preference Optimization with a reference that prefers poor responses."""

    id = "constrained-po-wrong-reference"
    paper = "github:visitworld123/CPO"
    sentence = (
        "If the reference prefers the worse response of a pair, DPO increases its margin but mostly still prefers that "
        "response; the variants cpo and clip, and easy with reversed sign, correct most such pairs, and easy as "
        "published corrects fewer than DPO."
    )
    methods = ("constrained-po", "constrained-po-soft", "constrained-po-easy")
    baselines = ("dpo",)
    world = Dials(prompts=3, responses=5, reference_spread=2.0, reference_skill=-1.0)
    quantity = "share of the pairs that the reference ranks wrongly"
    contrasts = (
        Contrast("dpo, margin widened", 0.5, smallest=0.4),
        Contrast("cpo, repaired", "dpo, repaired", smallest=0.3),
        Contrast("clip, repaired", "dpo, repaired", smallest=0.3),
        Contrast("easy with sign −1, repaired", "dpo, repaired", smallest=0.25),
        Contrast("dpo, repaired", "easy, repaired", smallest=0.05),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """All pairs with true labels. Four tokens per response, so β = 4 of their mean is β = 1 of their sum."""
        world = self.draw_world(seed)
        pairs = all_pairs(world, proposal=torch.ones_like(world.reward))
        before = world.reference.unsqueeze(-1) - world.reference.unsqueeze(-2)
        wrong = (world.reward.unsqueeze(-1) > world.reward.unsqueeze(-2)) & (before < 0)
        methods: dict[str, Objective] = {
            "dpo": build("dpo", beta=1.0),
            "cpo": build("constrained-po-soft", beta=4.0, gamma=0.05),
            "clip": build("constrained-po", beta=4.0),
            "easy": build("constrained-po-easy", beta=4.0),
            "easy with sign −1": build("constrained-po-easy", beta=4.0, margin_sign=-1),
        }
        arms = {}
        for name, policy in fit_each(world, methods, pairs, steps=60, learning_rate=0.2).items():
            logp = log_probabilities(policy)
            after = logp.unsqueeze(-1) - logp.unsqueeze(-2)
            arms[f"{name}, repaired"] = float((after > 0)[wrong].double().mean())
            arms[f"{name}, margin widened"] = float((after > before)[wrong].double().mean())
        return arms
