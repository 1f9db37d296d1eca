"""SLiC-HF against further supervised learning."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["BetterThanMoreLikelihood"]


class BetterThanMoreLikelihood(Claim):
    """SLiC-HF against NLL on the chosen responses of the same pairs."""

    id = "slic-hf-beyond-likelihood"
    paper = "arXiv:2305.10425"
    sentence = (
        "SLiC-HF, a reference-free loss, reaches a higher true reward than further supervised learning on the chosen "
        "responses."
    )
    methods = ("slic-hf",)
    baselines = ("nll", "dpo")
    world = Dials(prompts=4, responses=6, pairs=200)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("slic-hf", "nll", smallest=0.2),
        Contrast("slic-hf", "reference", smallest=0.4),
    )
    remark = (
        "With the margin of 1 nat that is usual for long responses, the hinge is soon satisfied and gains little over "
        "likelihood."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """A margin of 3 nats, since responses are single choices here; also with the margin of 1 of the paper."""
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
