"""R-DPO under length-biased labels."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, log_probabilities, sample_pairs
from penchant.objectives import build

__all__ = ["ShorterAtNoLessReward"]


class ShorterAtNoLessReward(Claim):
    """R-DPO against DPO on length-biased labels."""

    id = "r-dpo-length-bias"
    paper = "arXiv:2403.19159"
    sentence = "If annotators favour long responses, R-DPO's responses are shorter than DPO's, at no lower true reward."
    methods = ("r-dpo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=6, length_bias=0.2, shortest=4, longest=16, pairs=1000)
    quantity = "expected length in tokens, or expected true reward in standard deviations of the reward"
    contrasts = (
        Contrast("dpo, length", "r-dpo, length", smallest=0.5),
        Contrast("r-dpo, reward", "dpo, reward", smallest=0.03),
    )
    remark = (
        "The length effect is clear; ten seeds do not decide whether the reward is higher too. R-DPO uses the α of the "
        "bias, 0.2 per token; with half of it the reduction in length is half as large."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same labels for all, β = 0.3."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        objectives = {
            "dpo": build("dpo", beta=0.3),
            "r-dpo": build("r-dpo", beta=0.3, alpha=0.2),
            "r-dpo, α = 0.1": build("r-dpo", beta=0.3, alpha=0.1),
        }
        arms = {}
        for name, trained in fit_each(world, objectives, pairs, steps=80, learning_rate=0.2).items():
            policy = log_probabilities(trained)
            arms[f"{name}, length"] = float((policy.exp() * world.lengths).sum(-1).mean())
            arms[f"{name}, reward"] = expected_reward(world, policy)
        return arms
