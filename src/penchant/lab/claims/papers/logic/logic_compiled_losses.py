"""Losses compiled from logical formulas."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, divergence, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["StatementsAreLosses"]


class StatementsAreLosses(Claim):
    """Named losses against the same losses compiled from formulas, and a loss derived from a formula only."""

    id = "logic-compiled-losses"
    paper = "arXiv:2412.17696"
    sentence = (
        "A loss compiled from its formula trains the same policy as the loss with that name, and a new loss derived "
        "from 'the rejected answer is valid only if the chosen one is' raises the true reward."
    )
    methods = ("logic",)
    baselines = ("dpo", "ipo")
    world = Dials(prompts=4, responses=5, pairs=300)
    quantity = "KL between two trained policies in nats, or expected true reward in standard deviations of the reward"
    contrasts = (
        Contrast("dpo from ipo, KL", "dpo from its statement, KL", smallest=0.01),
        Contrast("dpo from ipo, KL", "ipo from its statement, KL", smallest=0.01),
        Contrast("derived, reward", "reference, reward", smallest=0.3),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """100 steps each; the derived loss is unCPO, from the formula M(l) implies M(w)."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        pair = {"top": "M(w)", "bottom": "M(l)", "reference": True}
        methods = {
            "dpo": build("dpo", beta=0.3),
            "dpo, compiled": build("logic", **pair, average=False, beta=0.3),
            "ipo": build("ipo", beta=0.3),
            "ipo, compiled": build("logic", **pair, link="squared", beta=0.3),
            "derived": build("logic", formula="M(l) implies M(w)"),
        }
        trained = fit_each(world, methods, pairs, steps=100)
        return {
            "dpo from its statement, KL": divergence(trained["dpo"], trained["dpo, compiled"]),
            "ipo from its statement, KL": divergence(trained["ipo"], trained["ipo, compiled"]),
            "dpo from ipo, KL": divergence(trained["dpo"], trained["ipo"]),
            "derived, reward": expected_reward(world, trained["derived"]),
            "reference, reward": expected_reward(world, world.reference),
        }
