"""SLiC-HF against more supervised learning."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["BetterThanMoreLikelihood"]


class BetterThanMoreLikelihood(Claim):
    """The hinge on likelihoods against fitting the chosen responses, on the same pairs."""

    id = "slic-hf-beyond-likelihood"
    paper = "arXiv:2305.10425"
    sentence = (
        "SLiC-HF, which has no reference in its loss, reaches a higher true reward than further supervised learning on "
        "the chosen responses."
    )
    methods = ("slic-hf",)
    baselines = ("nll", "dpo")
    world = Dials(prompts=4, responses=6, pairs=200)
    quantity = "expected true reward, in its standard deviations"
    contrasts = (
        Contrast("slic-hf", "nll", smallest=0.2),
        Contrast("slic-hf", "reference", smallest=0.4),
    )
    remark = (
        "With the margin of 1 nat that is usual for long responses the hinge soon rests, and little is gained over "
        "likelihood."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """A margin of 3 nats, since responses are single choices here; the paper's of 1 beside it."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {"reference": expected_reward(world, world.reference)}
        objectives = {
            "slic-hf": build("slic-hf", delta=3.0),
            "slic-hf, δ = 1": build("slic-hf"),
            "nll": build("nll"),
            "dpo": build("dpo", beta=0.3),
        }
        for arm, policy in fit_each(world, objectives, pairs, steps=80).items():
            arms[arm] = expected_reward(world, policy)
        return arms
