"""SPIN on demonstrations of an expert."""

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
    """SPIN from a supervised policy, against further supervised steps on the same demonstrations."""

    id = "spin-demonstrations"
    paper = "arXiv:2401.01335"
    sentence = (
        "Starting from a briefly supervised policy, self-play on the same demonstrations moves the policy closer to "
        "the expert, and closer than further supervised steps."
    )
    methods = ("spin",)
    baselines = ("nll",)
    world = Dials(prompts=4, responses=6)
    quantity = "KL(expert ‖ policy), nats (lower is closer)"
    contrasts = (Contrast("supervised", "spin", smallest=0.05), Contrast("further supervised", "spin", smallest=0.02))

    remark = (
        "The first effect is reproduced. The second cannot occur in a table: supervised learning reaches the "
        "distribution of the demonstrations, which is also the fixed point of self-play, up to the noise of its "
        "samples."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """A short supervised start, then three rounds of self-play or the same number of supervised steps."""
        world = self.draw_world(seed)
        expert = optimal_policy(world, 0.5)
        shown = sample_demonstrations(world, seed, expert, count=400)
        rows = shown.views["chosen"]
        assert isinstance(rows, Rows)
        counts = torch.zeros_like(expert).index_put_((rows.prompt, rows.response), shown.weight, accumulate=True)
        again = (counts / counts.sum(-1, keepdim=True)).log()  # self-play uses the same demonstrations only
        start = fit(world, "nll", shown, steps=5)
        plan = Rounds("demonstration", rounds=3, prompts=200, samples=4, reference="previous", steps=50)
        spin = run_rounds(world, build("spin", beta=1.0), plan, seed=seed, policy=start, expert=again)[-1]
        further = fit(world, "nll", shown, steps=150, policy=start)
        arms = {"supervised": start, "further supervised": further, "spin": spin}
        return {arm: divergence(expert, policy) for arm, policy in arms.items()}
