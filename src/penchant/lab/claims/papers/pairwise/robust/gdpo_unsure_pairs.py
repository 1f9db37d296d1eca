"""GDPO on nearly even pairs."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Policy, Rows, fit_each, log_probabilities, rated_pairs
from penchant.objectives import build

__all__ = ["UnsurePairsFadeOut"]


class UnsurePairsFadeOut(Claim):
    """The margins of nearly even pairs relative to those of confident pairs."""

    id = "gdpo-unsure-pairs"
    paper = "arXiv:2409.06691"
    sentence = (
        "Geometric averaging down-weights pairs with labels near one half: after the same number of steps their "
        "margins, relative to those of confident pairs, are smaller than with the same loss and hard labels."
    )
    methods = ("gdpo", "gipo", "gropo")
    baselines = ("dpo", "ipo", "ropo")
    world = Dials(prompts=8, responses=6, pairs=60)
    quantity = "mean margin of pairs labelled below 0.6, relative to that of pairs above 0.8"
    contrasts = (
        Contrast("dpo", "gdpo", smallest=0.1),
        Contrast("ipo", "gipo", smallest=0.1),
        Contrast("ropo", "gropo", smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs, with their true probabilities, for all."""
        world = self.draw_world(seed)
        pairs = rated_pairs(world, seed)
        chosen, rejected = pairs.views["chosen"], pairs.views["rejected"]
        assert isinstance(chosen, Rows) and isinstance(rejected, Rows)
        sure = pairs.fields["probability"]

        def share(policy: Policy) -> float:
            moved = log_probabilities(policy) - world.reference
            margin = moved[chosen.prompt, chosen.response] - moved[rejected.prompt, rejected.response]
            return float(margin[sure < 0.6].mean() / margin[sure > 0.8].mean())

        methods = {name: build(name, beta=0.1) for name in ("dpo", "gdpo", "ropo", "gropo")}
        methods |= {name: build(name, beta=0.1, average_log_prob=False) for name in ("ipo", "gipo")}
        return {name: share(policy) for name, policy in fit_each(world, methods, pairs, steps=60).items()}
