"""SAPO's soft gate in place of a clip."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, run_rounds
from penchant.objectives import build

__all__ = ["FadesWhereOthersDrop"]


class FadesWhereOthersDrop(Claim):
    """Rounds of many steps on the same samples, judged with errors, with a gate that fades and a clip that drops."""

    id = "sapo-soft-gate"
    paper = "arXiv:2511.20347"
    sentence = (
        "With many steps on the samples of a round, whose scores have errors, SAPO reaches a higher true reward than "
        "GRPO in two rounds, and about the same in ten."
    )
    methods = ("sapo",)
    baselines = ("grpo",)
    world = Dials(shortest=8, longest=8, uneven=1.0, score_noise=1.0)
    quantity = "expected true reward, in its standard deviations"
    contrasts = (
        Contrast("sapo, round 2", "grpo, round 2", smallest=0.03),
        Contrast("sapo, round 10", "grpo, round 10", not_worse_by=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """16 samples of each prompt, 16 steps; 80 is the best rate of 20, 40, 80 in two rounds for both (tuning)."""
        world = self.draw_world(seed)
        plan = Rounds("group", rounds=10, samples=16, steps=16, learning_rate=80.0, optimizer="sgd")
        arms: dict[str, float] = {}
        for name in ("sapo", "grpo"):
            policies = run_rounds(world, build(name), plan, seed=seed)
            arms |= {f"{name}, round {number}": expected_reward(world, policies[number]) for number in (1, 2, 10)}
        return arms
