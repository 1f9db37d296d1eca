"""REBEL: what rewards say beyond the order."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, all_pairs, fit_each, suboptimality
from penchant.objectives import build

__all__ = ["SolvesTheRegularisedStep"]


class SolvesTheRegularisedStep(Claim):
    """One round on all pairs, whose labels follow from the rewards without noise."""

    id = "rebel-exact-step"
    paper = "arXiv:2404.16767"
    sentence = (
        "From exact rewards, REBEL finds the policy with the best regularised reward in one round; DPO and "
        "IPO, which see the order of the same rewards, do not, with the best of their β."
    )
    methods = ("rebel",)
    baselines = ("dpo", "ipo")
    world = Dials(prompts=8, responses=8, temperature=0.0)
    quantity = "gap to the best regularised reward, in units of reward (lower is better)"
    contrasts = (Contrast("dpo", "rebel", smallest=0.05), Contrast("ipo", "rebel", smallest=0.02))

    def measure(self, seed: int) -> Mapping[str, float]:
        """The optimum is that of reward − KL; β of DPO is the best of ½ to 4, of IPO the best of ¼ to 1."""
        world = self.draw_world(seed)
        arms = {
            "rebel": build("rebel", eta=1.0),
            "dpo": build("dpo", beta=4.0),
            "ipo": build("ipo", beta=0.5, average_log_prob=False),
        }
        fitted = fit_each(world, arms, all_pairs(world), steps=300, learning_rate=0.1)
        return {arm: suboptimality(world, policy, 1.0) for arm, policy in fitted.items()}
