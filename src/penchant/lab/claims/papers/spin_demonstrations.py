"""SPIN and its expert."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.tabular import Dials, Rounds, divergence, fit, optimal_policy, run_rounds, sample_demonstrations
from penchant.objectives import build

__all__ = ["SelfPlayApproachesTheExpert"]


class SelfPlayApproachesTheExpert(Claim):
    """SPIN on the demonstrations of a supervised policy, against more supervised steps."""

    id = "spin-demonstrations"
    paper = "arXiv:2401.01335"
    sentence = (
        "Starting from a supervised policy, self-play on the expert's demonstrations comes nearer to the expert, and nearer "
        "than further supervised steps do."
    )
    methods = ("spin",)
    baselines = ("nll",)
    world = Dials(prompts=4, responses=6)
    quantity = "KL(expert ‖ policy), nats (less is nearer)"
    contrasts = (Contrast("supervised", "spin", smallest=0.05), Contrast("further supervised", "spin", smallest=0.02))

    def measure(self, seed: int) -> Mapping[str, float]:
        """A supervised start of few steps; then three rounds of self-play, or as many supervised steps."""
        world = self.draw_world(seed)
        expert = optimal_policy(world, 0.5)
        shown = sample_demonstrations(world, seed, expert, count=400)
        start = fit(world, "nll", shown, steps=20)
        plan = Rounds("demonstration", rounds=3, prompts=200, samples=2, anchor="previous", steps=50)
        spin = run_rounds(world, build("spin", beta=0.1), plan, seed=seed, policy=start, expert=expert)[-1]
        further = fit(world, "nll", shown, steps=150, policy=start)
        arms = {"supervised": start, "further supervised": further, "spin": spin}
        return {arm: divergence(expert, policy) for arm, policy in arms.items()}
