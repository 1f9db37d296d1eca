"""SPPO without win rates and the likelihood of the chosen response."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit_each, likelihood_change, similar_pairs
from penchant.objectives import build

__all__ = ["ChosenUpRejectedDown"]


class ChosenUpRejectedDown(Claim):
    """SPPO with labels alone and with one probability a pair, against DPO on pairs that are as alike as can be."""

    id = "sppo-hard-chosen-likelihood"
    paper = "arXiv:2405.00675"
    sentence = (
        "In a log-linear world, on the pairs whose features are most alike, SPPO with labels and with one probability "
        "a pair raise the chosen responses and lower the rejected ones, and DPO lowers both."
    )
    methods = ("sppo-hard", "sppo-single")
    baselines = ("dpo", "sppo")
    world = Dials(prompts=8, responses=8, features=16, reference_spread=0.0)
    quantity = "mean change of log-probability, nats"
    contrasts = tuple(
        contrast
        for name in ("sppo-hard", "sppo-single")
        for contrast in (
            Contrast(f"{name}, chosen", "dpo, chosen", smallest=1.0),
            Contrast(f"{name}, chosen", 0.0, smallest=0.2),
            Contrast(f"{name}, chosen", f"{name}, rejected", smallest=0.5),
        )
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One pair a prompt, 60 steps; β = ¼ is the best of 0.1, ¼, ½ for labels, 0.3 of 0.1, 0.3 for DPO (tuning)."""
        world = self.draw_world(seed)
        pairs = similar_pairs(world)
        methods = {name: build(name, beta=0.25) for name in ("sppo-hard", "sppo-single", "sppo")}
        methods["dpo"] = build("dpo", beta=0.3)
        return {
            f"{name}, {view}": likelihood_change(world, policy, pairs, view)
            for name, policy in fit_each(world, methods, pairs, steps=60).items()
            for view in ("chosen", "rejected")
        }
