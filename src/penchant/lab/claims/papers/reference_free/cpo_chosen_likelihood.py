"""CPO and the likelihood of chosen responses."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit_each, likelihood_change, similar_pairs
from penchant.objectives import build

__all__ = ["KeptByItsTerm"]


class KeptByItsTerm(Claim):
    """CPO with and without its likelihood term, on pairs of maximally similar responses."""

    id = "cpo-chosen-likelihood"
    paper = "arXiv:2401.08417"
    sentence = (
        "In a log-linear world, on pairs with the most similar features, CPO raises the chosen likelihood slightly, "
        "and without the likelihood term, where it is DPO here, lowers it strongly."
    )
    methods = ("cpo",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8, features=3, reference_spread=0.0)
    quantity = "mean change of log-probability, nats"
    contrasts = (
        Contrast("cpo, chosen", "cpo without its term, chosen", smallest=2.0),
        Contrast("cpo, chosen", 0.0, smallest=0.03),
    )
    remark = (
        "The policy does not yet separate such similar pairs: the rejected response rises along with the chosen one."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1, weight 1, 60 steps; the reference is uniform, so without the term it is DPO."""
        world = self.draw_world(seed)
        pairs = similar_pairs(world)
        methods = {
            "cpo": build("cpo", beta=0.1),
            "cpo without its term": build("cpo", beta=0.1, cpo_alpha=0.0),
            "dpo": build("dpo", beta=0.1),
        }
        arms = {}
        for name, policy in fit_each(world, methods, pairs, steps=60).items():
            for view in ("chosen", "rejected"):
                arms[f"{name}, {view}"] = likelihood_change(world, policy, pairs, view)
        return arms
