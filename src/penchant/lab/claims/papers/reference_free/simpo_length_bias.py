"""SimPO under length-biased labels."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Policy, World, expected_reward, fit_each, log_probabilities, sample_pairs
from penchant.objectives import build

__all__ = ["ShorterUnderLengthBias"]


class ShorterUnderLengthBias(Claim):
    """SimPO and DPO on length-biased labels."""

    id = "simpo-length-bias"
    paper = "arXiv:2405.14734"
    sentence = (
        "If labels favour longer responses, SimPO's responses are shorter than DPO's at about the same true reward."
    )
    methods = ("simpo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=6, pairs=400, length_bias=0.1, shortest=2, longest=12)
    quantity = "mean length of responses in tokens, or expected true reward in standard deviations of the reward"
    contrasts = (
        Contrast("dpo, length", "simpo, length", smallest=0.4),
        Contrast("simpo, reward", "dpo, reward", not_worse_by=0.3),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """SimPO's defaults; DPO's β = 0.3 is the best of 0.1, 0.3 and 1 on the tuning seeds."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {}
        methods = {"simpo": build("simpo"), "dpo": build("dpo", beta=0.3)}
        for name, policy in fit_each(world, methods, pairs, steps=100).items():
            arms[f"{name}, length"] = _length(world, policy)
            arms[f"{name}, reward"] = expected_reward(world, policy)
        return arms


def _length(world: World, policy: Policy) -> float:
    return float((log_probabilities(policy).exp() * world.lengths).sum(-1).mean())
