"""IPO on deterministic preferences."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, divergence, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["BoundedUnderCertainty"]


class BoundedUnderCertainty(Claim):
    """IPO and DPO with the same strong regularisation on deterministic labels."""

    id = "ipo-deterministic-preferences"
    paper = "arXiv:2310.12036"
    sentence = (
        "With deterministic preferences, DPO keeps moving away from the reference even at β = 1, and IPO with the same "
        "β stays close to it."
    )
    methods = ("ipo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, temperature=0.0, pairs=200)
    quantity = "KL from the reference after training with β = 1, nats (lower is closer)"
    contrasts = (
        Contrast("dpo", "ipo", smallest=0.5),
        Contrast("dpo", "dpo, a quarter of the steps", smallest=0.05),
    )

    remark = (
        "With β = 1 the target margin of IPO is half a nat, so it gains little reward too; this claim is only about "
        "the distance."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for both; DPO also with a quarter of the steps, to see whether it converges."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        methods = {"ipo": build("ipo", beta=1.0, average_log_prob=False), "dpo": build("dpo", beta=1.0)}
        arms = {}
        for steps, suffix in ((200, ""), (50, ", a quarter of the steps")):
            for name, policy in fit_each(world, methods, pairs, steps=steps).items():
                arms[name + suffix] = divergence(policy, world.reference)
        return arms
