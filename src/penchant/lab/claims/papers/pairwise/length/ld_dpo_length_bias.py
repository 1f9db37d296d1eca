"""LD-DPO under length-biased labels."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, log_probabilities, sample_pairs
from penchant.objectives import build

__all__ = ["TailsCountLess"]


class TailsCountLess(Claim):
    """LD-DPO with a small and with zero tail weight, against DPO, on length-biased labels."""

    id = "ld-dpo-length-bias"
    paper = "arXiv:2409.06411"
    sentence = (
        "If annotators favour long responses, LD-DPO's responses are a tenth shorter than DPO's at the same β, and "
        "their true reward is no lower."
    )
    methods = ("ld-dpo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=8, shortest=2, longest=12, length_bias=0.2, pairs=600, concentration=0.5)
    quantity = "expected length in tokens, or expected true reward in standard deviations of the reward"
    contrasts = (
        Contrast("dpo, length", "ld-dpo, length", smallest=0.9),
        Contrast("ld-dpo, reward", "dpo, reward", not_worse_by=0.05),
    )
    remark = (
        "A table distributes a response's log-probability over its tokens in fixed shares, so a smaller tail weight "
        "only scales the log-ratio of the longer response, which training compensates. There are no separate tokens "
        "for verbosity, the target of the method."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for all, 80 steps, β = 0.3."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {}
        alphas = {"ld-dpo": 0.4, "ld-dpo, no tail": 0.0, "dpo": 1.0}
        methods = {arm: build("ld-dpo", beta=0.3, ld_alpha=alpha) for arm, alpha in alphas.items()}
        for arm, policy in fit_each(world, methods, pairs, steps=80).items():
            arms[f"{arm}, length"] = float((log_probabilities(policy).exp() * world.lengths).sum(-1).mean())
            arms[f"{arm}, reward"] = expected_reward(world, policy)
        return arms
