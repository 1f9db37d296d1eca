"""Margin regression keeps rewards bounded."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, named_states, with_states
from penchant.objectives import build

__all__ = ["BoundedMargins"]


class BoundedMargins(Claim):
    """One reward for each response, and labels without errors."""

    id = "pairwise-margin-regression-bounded"
    paper = "arXiv:2410.02197"
    sentence = (
        "On pairs without label errors the margins of a Bradley-Terry model keep growing, while those of margin "
        "regression stop at the target."
    )
    methods = ("pairwise-margin-regression",)
    baselines = ("bt-reward-model",)
    world = "20 pairs of two responses, each response with a reward of its own"
    quantity = "mean margin after 3,000 steps less that after 1,000"
    contrasts = (Contrast("bt-reward-model", "pairwise-margin-regression", smallest=0.5),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Target 2; Adam with a rate of 0.05."""
        torch.manual_seed(seed)
        states = named_states(20, 2)
        inputs = {"chosen": with_states(states[:, 0]), "rejected": with_states(states[:, 1])}
        found = {}
        for name, more in (("bt-reward-model", {}), ("pairwise-margin-regression", {"target_margin": 2.0})):
            margins = []
            for steps in (1000, 3000):
                fitted = fit_head(build(name, **more), inputs, 40, steps=steps)
                good, bad = (fitted.rewards(inputs[side]) for side in ("chosen", "rejected"))
                assert good is not None and bad is not None
                margins.append(float((good - bad).mean()))
            found[name] = margins[1] - margins[0]
        return found
