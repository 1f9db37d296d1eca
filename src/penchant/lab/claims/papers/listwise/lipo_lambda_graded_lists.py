"""LiPO-λ and Plackett-Luce DPO on graded lists against DPO on their best and worst responses."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, best_against_worst, expected_reward, fit_each, sample_lists
from penchant.objectives import build

__all__ = ["GradedLists"]


class GradedLists(Claim):
    """LiPO-λ, Plackett-Luce DPO, and DPO on best-against-worst pairs of 60 lists of six responses."""

    id = "lipo-lambda-graded-lists"
    paper = "arXiv:2402.01878"
    sentence = (
        "On lists of six responses with noisy scores LiPO-λ reaches a higher true reward than Plackett-Luce DPO, and "
        "that a higher one than DPO on the best and the worst response of each list."
    )
    methods = ("lipo-lambda", "plackett-luce-dpo")
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=12, score_noise=0.7, concentration=0.5)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("lipo-lambda", "plackett-luce-dpo", smallest=0.02),
        Contrast("plackett-luce-dpo", "dpo", smallest=0.05),
    )

    remark = "β = 0.25 is the best of ¼, ½ and 1 for every method on the tuning seeds."

    def measure(self, seed: int) -> Mapping[str, float]:
        """60 lists, 150 steps, scores scaled to [0, 1] as LiPO has them."""
        world = self.draw_world(seed)
        lists = scaled(sample_lists(world, seed, count=60, size=6))
        methods = {
            "dpo": build("dpo", beta=0.25),
            "plackett-luce-dpo": build("plackett-luce-dpo", beta=0.25),
            "lipo-lambda": build("lipo-lambda", beta=0.25),
        }
        examples = {**dict.fromkeys(methods, lists), "dpo": best_against_worst(world, lists)}
        policies = fit_each(world, methods, examples, steps=150)
        return {arm: expected_reward(world, policy) for arm, policy in policies.items()}


def scaled(lists: Examples) -> Examples:
    """The same lists with scores from 0 to 1."""
    scores = lists.fields["scores"]
    return lists.with_fields(scores=(scores - scores.min()) / (scores.max() - scores.min()))
