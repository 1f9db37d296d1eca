"""Iterative DPO against offline DPO."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, run_rounds
from penchant.objectives import build

__all__ = ["RoundsBeatOneSet"]


class RoundsBeatOneSet(Claim):
    """DPO in rounds on its own samples, against DPO on the same number of labelled samples of the reference."""

    id = "dpo-iterative"
    paper = "arXiv:2405.07863"
    sentence = (
        "DPO in three rounds, each on pairs sampled from the last policy, reaches a higher true reward than DPO on the "
        "same number of pairs from the reference, and improves from round to round."
    )
    methods = ("dpo",)
    world = Dials(prompts=8, responses=16, reference_spread=2.0, score_noise=0.3)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("round 3", "offline", smallest=0.1),
        Contrast("round 2", "round 1", smallest=0.05),
        Contrast("round 3", "round 2", smallest=0.05),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The best and the worst of four samples make a pair, 30 pairs per round."""
        world, dpo = self.draw_world(seed), build("dpo", beta=0.1)
        plan = Rounds("best_worst", rounds=3, prompts=30, samples=4, steps=50)
        rounds = run_rounds(world, dpo, plan, seed=seed)
        offline = run_rounds(world, dpo, plan, seed=seed, rounds=1, prompts=90, steps=150)[-1]
        arms = {"reference": rounds[0], "offline": offline}
        arms |= {f"round {number}": policy for number, policy in enumerate(rounds) if number}
        return {arm: expected_reward(world, policy) for arm, policy in arms.items()}
