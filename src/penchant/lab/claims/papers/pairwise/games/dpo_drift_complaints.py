"""DRIFT: real complaints as the rejected side, fresh samples as the chosen one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Rounds, World, expected_reward, pair_examples, run_rounds
from penchant.lab.worlds.tabular.matches import drawn
from penchant.lab.worlds.tabular.pairings import Samples
from penchant.objectives import build

__all__ = ["OnlyComplaints"]


class OnlyComplaints(Claim):
    """Pairs of a reply that drew a complaint and a fresh sample, in either role."""

    id = "dpo-drift-complaints"
    paper = "arXiv:2510.02341"
    sentence = (
        "If only replies with complaints are known (the worse half), DPO with these as rejected and fresh samples as "
        "chosen (DRIFT) ends above the reference, and above pairs that keep them as the fixed chosen side (as SPIN "
        "keeps its demonstrations)."
    )
    methods = ("dpo",)
    world = Dials(prompts=8, responses=8)
    quantity = "expected reward after three rounds"
    contrasts = (Contrast("drift", "reference", smallest=0.1), Contrast("drift", "spin-like", smallest=0.2))

    def measure(self, seed: int) -> Mapping[str, float]:
        """The reference of a round is the policy at its start; eight known replies and eight samples a prompt."""
        world = self.draw_world(seed)
        worse = world.reward.argsort(-1).argsort(-1) < world.reward.shape[1] // 2
        complained = torch.where(worse, world.reference, -torch.inf).log_softmax(-1)

        def pairs(world: World, samples: Samples, swapped: bool) -> Examples:
            prompt, fresh = samples.prompt.repeat_interleave(samples.response.shape[1]), samples.response.flatten()
            known = drawn(complained, prompt, torch.Generator().manual_seed(seed))  # the same in every round
            apart = known != fresh
            both = (known[apart], fresh[apart]) if swapped else (fresh[apart], known[apart])
            return pair_examples(world, prompt[apart], *both)

        plan = Rounds(rounds=3, reference="previous", samples=8, steps=60, learning_rate=0.05)
        found = {"reference": expected_reward(world, world.reference)}
        for arm, swapped in (("drift", False), ("spin-like", True)):
            own = replace(plan, pairing=partial(pairs, swapped=swapped))
            found[arm] = expected_reward(world, run_rounds(world, build("dpo", beta=0.5), own, seed=seed)[-1])
        return found
