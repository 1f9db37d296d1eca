"""DPO with a scaled reference margin and ranking accuracy."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, divergence, fit_each, ranking_accuracy, sample_pairs
from penchant.objectives import build

__all__ = ["RanksBetterWithLessReference"]


class RanksBetterWithLessReference(Claim):
    """DPO with three scales γ of the reference margin."""

    id = "dpo-gamma-ref-ranking"
    paper = "arXiv:2405.19534"
    sentence = (
        "If the reference ranks many pairs wrongly, a smaller share γ of the reference margin gives the policy a "
        "higher ranking accuracy, and moves it further from the reference."
    )
    methods = ("dpo-gamma-ref",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=6, reference_spread=3.0, temperature=0.5, concentration=0.0)
    quantity = "ranking accuracy over pairs of responses, or KL from the reference in nats"
    contrasts = (
        Contrast("γ = 0.5", "γ = 1", smallest=0.03),
        Contrast("γ = 0", "γ = 0.5", smallest=0.03),
        Contrast("γ = 0, KL", "γ = 1, KL", smallest=0.5),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs and steps; γ = 1 is DPO."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {"reference": ranking_accuracy(world, world.reference)}
        methods = {f"γ = {gamma:g}": build("dpo-gamma-ref", beta=0.5, gamma=gamma) for gamma in (1.0, 0.5, 0.0)}
        for arm, policy in fit_each(world, methods, pairs, steps=60).items():
            arms[arm] = ranking_accuracy(world, policy)
            arms[f"{arm}, KL"] = divergence(policy, world.reference)
        return arms
