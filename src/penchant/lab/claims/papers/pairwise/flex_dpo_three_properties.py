"""The 3D-properties of DPO: likelihoods of chosen, rejected and unseen responses."""

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
    """DPO's drop of rejected, degradation of chosen and dispersion to unseen responses, and two mitigations."""

    id = "flex-dpo-three-properties"
    paper = "arXiv:2406.07327"
    sentence = (
        "DPO makes the likelihood of rejected responses collapse, with gradients that increasingly exceed those of "
        "chosen responses, and raises unseen responses; a smaller β for rejected responses (flex-dpo) and a likelihood "
        "term (dpo-sft) mitigate this."
    )
    methods = ("flex-dpo", "dpo-sft")
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8, features=16, reference_spread=0.0)
    quantity = (
        "decrease or increase of log-probabilities, or log-ratio of gradients with respect to probabilities, nats"
    )
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
        """One pair per prompt; the ratio of gradients |∂L/∂π| of the logistic term is β₋ π(chosen) : β₊ π(rejected)."""
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
    """[X, K], 1 for responses that occur in no pair."""
    unshown = torch.ones_like(world.reward)
    for name in ("chosen", "rejected"):
        rows = pairs.views[name]
        assert isinstance(rows, Rows)
        unshown[rows.prompt, rows.response] = 0
    return unshown
