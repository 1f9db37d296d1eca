"""ASFT as a single training stage."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, best_two, fit_each, likelihood_change
from penchant.objectives import build

__all__ = ["SeparatesWithoutReference"]


class SeparatesWithoutReference(Claim):
    """ASFT, ORPO and supervised learning from an untrained base."""

    id = "asft-one-stage"
    paper = "arXiv:2409.10571"
    sentence = (
        "From an untrained base and without a reference, ASFT raises the chosen response as much as supervised "
        "learning on it, and keeps the rejected one, here the second best, lower than ORPO does."
    )
    methods = ("asft",)
    baselines = ("orpo", "nll")
    world = Dials(prompts=8, responses=8, features=3, reference_spread=0.0)
    quantity = "mean change of log-probability, nats"
    contrasts = (
        Contrast("asft, chosen", "nll, chosen", not_worse_by=0.1),
        Contrast("nll, rejected", "asft, rejected", smallest=0.1),
        Contrast("orpo, rejected", "asft, rejected", smallest=0.05),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The best response to each prompt against the second best, λ = 1 for both, 150 steps."""
        world = self.draw_world(seed)
        pairs = best_two(world)
        methods = {"asft": build("asft"), "orpo": build("orpo", lambda_=1.0), "nll": build("nll")}
        arms = {}
        for name, policy in fit_each(world, methods, pairs, steps=150).items():
            arms[f"{name}, chosen"] = likelihood_change(world, policy, pairs)
            arms[f"{name}, rejected"] = likelihood_change(world, policy, pairs, "rejected")
        return arms
