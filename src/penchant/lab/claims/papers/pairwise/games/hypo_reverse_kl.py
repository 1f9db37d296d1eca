"""HyPO under partial coverage."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rounds, Rows, World, divergence, run_rounds, sample_pairs
from penchant.lab.worlds.tabular.matches import drawn
from penchant.lab.worlds.tabular.pairings import Samples
from penchant.objectives import build

__all__ = ["StaysNear"]


class StaysNear(Claim):
    """DPO and HyPO on the same pairs, which leave out a quarter of the responses."""

    id = "hypo-reverse-kl"
    paper = "arXiv:2406.01462"
    sentence = (
        "On pairs that never show a quarter of the responses, the divergence from the reference stays small under HyPO "
        "and grows under DPO, trained as long on the same pairs."
    )
    methods = ("hypo",)
    baselines = ("dpo",)
    world = Dials(prompts=8, responses=8, unseen=0.25, pairs=200, temperature=0.0)
    quantity = "KL of the policy from the reference after 150 steps, nats (lower is nearer)"
    contrasts = (Contrast("dpo", "hypo", smallest=0.3),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """A fresh response for every pair in every step; λ = 0.1 was chosen on two tuning seeds."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        chosen = pairs.views["chosen"]
        assert isinstance(chosen, Rows)

        def with_fresh(world: World, samples: Samples) -> Examples:
            generator = torch.Generator().manual_seed(samples.seed)
            return pairs.with_view("fresh", Rows(chosen.prompt, drawn(samples.policy, chosen.prompt, generator)))

        plan = Rounds(with_fresh, rounds=150, steps=1, optimizer="sgd", learning_rate=50.0)
        return {
            name: divergence(run_rounds(world, build(name, beta=0.1, **own), plan, seed=seed)[-1], world.reference)
            for name, own in (("dpo", {}), ("hypo", {"weight": 0.1}))
        }
