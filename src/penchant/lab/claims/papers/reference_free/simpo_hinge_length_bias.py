"""SimPO's hinge where labels favour long responses."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, log_probabilities, sample_pairs
from penchant.objectives import build

__all__ = ["HingeUnderLengthBias"]


class HingeUnderLengthBias(Claim):
    """The hinge on means over tokens, and on sums, on pairs whose labels favour length."""

    id = "simpo-hinge-length-bias"
    paper = "arXiv:2405.14734"
    sentence = (
        "Where labels favour longer responses, the policy of SimPO's hinge, which compares means over tokens, writes "
        "shorter ones than those of DPO and of SLiC's hinge, which compare sums, and has about the true reward of DPO "
        "and of SimPO."
    )
    methods = ("simpo-hinge",)
    baselines = ("dpo", "slic-hinge", "simpo")
    world = Dials(prompts=4, responses=6, pairs=400, length_bias=0.1, shortest=2, longest=12)
    quantity = "mean length of the policy's responses, tokens; or expected true reward in its standard deviations"
    contrasts = (
        Contrast("dpo, length", "simpo-hinge, length", smallest=0.4),
        Contrast("slic-hinge, length", "simpo-hinge, length", smallest=0.4),
        Contrast("simpo-hinge, reward", "dpo, reward", not_worse_by=0.3),
        Contrast("simpo-hinge, reward", "simpo, reward", not_worse_by=0.1),
    )

    remark = (
        "The responses are shorter. Ten seeds do not settle the last margin: the hinge has a slightly lower reward "
        "than the logistic form, likely because it rests where the other goes on."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """SimPO's defaults for both forms; β = 0.3 is the best of 0.1, 0.3, 1 for DPO and SLiC on the tuning seeds."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        methods = {name: build(name) for name in ("simpo-hinge", "simpo")}
        methods |= {name: build(name, beta=0.3) for name in ("dpo", "slic-hinge")}
        arms = {}
        for name, policy in fit_each(world, methods, pairs, steps=100).items():
            arms[f"{name}, length"] = float((log_probabilities(policy).exp() * world.lengths).sum(-1).mean())
            arms[f"{name}, reward"] = expected_reward(world, policy)
        return arms
