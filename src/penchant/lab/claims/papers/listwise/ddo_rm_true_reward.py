"""DDO-RM and DPO compared by true reward."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, best_against_worst, expected_reward, fit_each, sample_lists
from penchant.objectives import build

__all__ = ["CentredRewardsReachFurther"]


class CentredRewardsReachFurther(Claim):
    """DDO-RM on scored lists and DPO on their best-against-worst pairs, in a tabular world."""

    id = "ddo-rm-true-reward"
    paper = "arXiv:2604.11119"
    sentence = "From the same scored lists, DDO-RM reaches a higher true reward than DPO at any of three values of β."
    methods = ("ddo-rm",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=8, score_noise=0.3, concentration=0.5)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = tuple(Contrast("ddo-rm", f"dpo, β = {beta}", smallest=0.25) for beta in (0.1, 0.3, 1.0))

    def measure(self, seed: int) -> Mapping[str, float]:
        """60 lists of four, 100 steps."""
        world = self.draw_world(seed)
        lists = sample_lists(world, seed, count=60)
        pairs = best_against_worst(world, lists)
        methods = {f"dpo, β = {beta}": build("dpo", beta=beta) for beta in (0.1, 0.3, 1.0)}
        examples = {**dict.fromkeys(methods, pairs), "ddo-rm": lists}
        trained = fit_each(world, {**methods, "ddo-rm": build("ddo-rm")}, examples, steps=100)
        return {arm: expected_reward(world, policy) for arm, policy in trained.items()}
