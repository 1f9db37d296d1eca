"""GSPO's one ratio a response and GRPO's ratio of each token, where tokens share a response's probability unevenly."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, log_probabilities, run_rounds
from penchant.objectives import build

__all__ = ["OneRatioAResponse"]


class OneRatioAResponse(Claim):
    """Rounds of several steps with either ratio."""

    id = "gspo-uneven-tokens"
    paper = "arXiv:2507.18071"
    sentence = (
        "Over rounds of several steps on long responses whose tokens share their probability unevenly, GSPO with clips "
        "of 0.03 and 0.04 reaches an expected reward that is not below that of GRPO with the clip of 0.2."
    )
    methods = ("gspo",)
    baselines = ("grpo",)
    world = Dials(responses=10, shortest=6, longest=12, uneven=0.8)
    quantity = "expected reward of the policy"
    contrasts = (Contrast("gspo", "grpo", not_worse_by=0.1),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """Eight rounds of four steps, 16 samples of each prompt; both at the rate 0.2, which was not searched."""
        world = self.draw_world(seed)
        plan = Rounds("group", rounds=8, samples=16, steps=4)
        found = {"reference": expected_reward(world, world.reference)}
        for name, rate in (("gspo", 0.2), ("grpo", 0.2)):
            method = build(name, epsilon_low=0.03, epsilon_high=0.04) if name == "gspo" else build(name)
            policy = run_rounds(world, method, plan, seed=seed, learning_rate=rate)[-1]
            found[name] = expected_reward(world, log_probabilities(policy))
        return found
