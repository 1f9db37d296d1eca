"""NCA and the likelihood of chosen responses."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, best_two, fit_each, likelihood_change, similar_pairs
from penchant.objectives import build

__all__ = ["ChosenLikelihoodHeld"]


class ChosenLikelihoodHeld(Claim):
    """NCA, its biased form, and InfoNCA (DPO) on pairs that are hard to separate."""

    id = "nca-chosen-likelihood"
    paper = "arXiv:2402.05369"
    sentence = (
        "In a log-linear world, NCA and its biased form raise the chosen likelihood on pairs of the best and the "
        "second-best response, and on the most similar pairs the chosen likelihood falls far less than under InfoNCA, "
        "which is DPO."
    )
    methods = ("nca", "nca-biased", "infonca")
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8, features=3, reference_spread=0.0)
    quantity = "mean change of the chosen responses' log-probability, nats"
    contrasts = (
        Contrast("nca, best two", 0.0, smallest=0.3),
        Contrast("nca-biased, best two", 0.0, smallest=0.3),
        Contrast("nca, most alike", "infonca, most alike", smallest=2.0),
        Contrast("nca-biased, most alike", "infonca, most alike", smallest=1.5),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """One pair per prompt of either kind, β = 0.1, 60 steps."""
        world = self.draw_world(seed)
        kinds = {"best two": best_two(world), "most alike": similar_pairs(world)}
        methods = {name: build(name, beta=0.1) for name in self.methods + self.baselines}
        arms = {}
        for kind, pairs in kinds.items():
            for name, policy in fit_each(world, methods, pairs, steps=60).items():
                arms[f"{name}, {kind}"] = likelihood_change(world, policy, pairs)
        return arms
