"""CPO-SimPO and the likelihood of chosen responses."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit_each, likelihood_change, similar_pairs
from penchant.objectives import build

__all__ = ["MoreLikelyThanSimPO"]


class MoreLikelyThanSimPO(Claim):
    """CPO-SimPO and SimPO with the same slope and margin, on pairs of maximally similar responses."""

    id = "cpo-simpo-chosen-likelihood"
    paper = "github:fe1ixxu/CPO_SIMPO"
    sentence = (
        "In a log-linear world, on pairs with the most similar features, the likelihood term of CPO-SimPO keeps the "
        "chosen response more likely than SimPO with the same slope and margin."
    )
    methods = ("cpo-simpo",)
    baselines = ("simpo",)
    world = Dials(prompts=8, responses=8, features=3, reference_spread=0.0)
    quantity = "mean change of the chosen responses' log-probability, nats"
    contrasts = (
        Contrast("cpo-simpo", "simpo", smallest=0.02),
        Contrast("cpo-simpo, weight 0.5", "simpo", smallest=0.2),
    )
    remark = "With the weight of the recipe the effect is small; both likelihoods fall."

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 10, γ = 5.4 and weight 0.05 of the recipe; also with a larger weight."""
        world = self.draw_world(seed)
        pairs = similar_pairs(world)
        methods = {
            "cpo-simpo": build("cpo-simpo"),
            "cpo-simpo, weight 0.5": build("cpo-simpo", cpo_alpha=0.5),
            "simpo": build("simpo", beta=10.0, gamma=5.4),
        }
        return {
            name: likelihood_change(world, policy, pairs)
            for name, policy in fit_each(world, methods, pairs, steps=60).items()
        }
