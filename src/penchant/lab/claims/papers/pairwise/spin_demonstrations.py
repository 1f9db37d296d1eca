"""SPIN and its expert."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Rounds,
    Rows,
    divergence,
    fit,
    optimal_policy,
    run_rounds,
    sample_demonstrations,
)
from penchant.objectives import build

__all__ = ["SelfPlayApproachesTheExpert"]


class SelfPlayApproachesTheExpert(Claim):
    """SPIN on the demonstrations of a supervised policy, against more supervised steps."""

    id = "spin-demonstrations"
    paper = "arXiv:2401.01335"
    sentence = (
        "Starting from a briefly supervised policy, self-play on the same demonstrations comes nearer to the expert, "
        "and nearer than further supervised steps do."
    )
    methods = ("spin",)
    baselines = ("nll",)
    world = Dials(prompts=4, responses=6)
    quantity = "KL(expert ‖ policy), nats (less is nearer)"
    contrasts = (Contrast("supervised", "spin", smallest=0.05), Contrast("further supervised", "spin", smallest=0.02))

    remark = (
        "The first effect is there. The second cannot appear in a table: likelihood alone reaches the distribution "
        "of the demonstrations, which is where self-play comes to rest, too, with the noise of its own samples."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """A supervised start of few steps; then three rounds of self-play, or as many supervised steps."""
        world = self.draw_world(seed)
        expert = optimal_policy(world, 0.5)
        shown = sample_demonstrations(world, seed, expert, count=400)
        rows = shown.views["chosen"]
        assert isinstance(rows, Rows)
        counts = torch.zeros_like(expert).index_put_((rows.prompt, rows.response), shown.weight, accumulate=True)
        again = (counts / counts.sum(-1, keepdim=True)).log()  # self-play sees the same demonstrations, no others
        start = fit(world, "nll", shown, steps=5)
        plan = Rounds("demonstration", rounds=3, prompts=200, samples=4, reference="previous", steps=50)
        spin = run_rounds(world, build("spin", beta=1.0), plan, seed=seed, policy=start, expert=again)[-1]
        further = fit(world, "nll", shown, steps=150, policy=start)
        arms = {"supervised": start, "further supervised": further, "spin": spin}
        return {arm: divergence(expert, policy) for arm, policy in arms.items()}
