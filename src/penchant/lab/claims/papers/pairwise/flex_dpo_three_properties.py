"""The 3D-properties of DPO: what becomes of chosen, rejected and unseen responses."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rows,
    World,
    fit_each,
    likelihood_change,
    log_probabilities,
    similar_pairs,
)

__all__ = ["ThreePropertiesMitigated"]


class ThreePropertiesMitigated(Claim):
    """DPO's fall of the rejected, weakening of the chosen and spread to the unseen, and two regularised forms."""

    id = "flex-dpo-three-properties"
    paper = "arXiv:2406.07327"
    sentence = (
        "DPO makes rejected responses collapse, pushes their probabilities ever more than those of the chosen, and "
        "raises responses that it never saw; a weaker pull on the rejected side (flex-dpo) and a likelihood term "
        "(dpo-sft) mitigate it."
    )
    methods = ("flex-dpo", "dpo-sft")
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8, features=16, reference_spread=0.0)
    quantity = "fall or rise of log-probabilities, or log of the ratio of the gradients in probability, nats"
    contrasts = (
        Contrast("dpo, fall of the rejected", 0.0, smallest=3.0),
        Contrast("dpo, rejected pushed more", 0.0, smallest=3.0),
        Contrast("dpo, rise of the unseen", 0.0, smallest=0.03),
        Contrast("dpo, fall of the rejected", "flex-dpo, fall of the rejected", smallest=0.5),
        Contrast("dpo, rejected pushed more", "flex-dpo, rejected pushed more", smallest=0.2),
        Contrast("dpo, rise of the unseen", "flex-dpo, rise of the unseen", smallest=0.03),
        Contrast("dpo, fall of the rejected", "dpo-sft, fall of the rejected", smallest=0.5),
        Contrast("dpo, rejected pushed more", "dpo-sft, rejected pushed more", smallest=0.5),
        Contrast("dpo, rise of the unseen", "dpo-sft, rise of the unseen", smallest=0.03),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One pair per prompt; the pushes |∂L/∂π| of the logistic term are as β₋ π(chosen) : β₊ π(rejected)."""
        world = self.draw_world(seed)
        pairs = similar_pairs(world)
        unshown = _unshown(world, pairs)
        arms = {}
        pulls = {"dpo": 1.0, "flex-dpo": 0.8, "dpo-sft": 1.0}
        for name, policy in fit_each(world, dict(zip(pulls, pulls, strict=True)), pairs, steps=60).items():
            chosen = likelihood_change(world, policy, pairs, "chosen")
            rejected = likelihood_change(world, policy, pairs, "rejected")
            arms[f"{name}, fall of the chosen"] = -chosen
            arms[f"{name}, fall of the rejected"] = -rejected
            arms[f"{name}, rejected pushed more"] = chosen - rejected + math.log(pulls[name])
            before, after = ((each.exp() * unshown).sum() for each in (world.reference, log_probabilities(policy)))
            arms[f"{name}, rise of the unseen"] = math.log(after / before)
        return arms


def _unshown(world: World, pairs: Examples) -> Tensor:
    """[X, K], 1 at the responses that stand in no pair."""
    unshown = torch.ones_like(world.reward)
    for name in ("chosen", "rejected"):
        rows = pairs.views[name]
        assert isinstance(rows, Rows)
        unshown[rows.prompt, rows.response] = 0
    return unshown
