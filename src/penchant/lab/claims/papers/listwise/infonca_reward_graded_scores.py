"""Listwise losses on graded scores against DPO on best-against-worst pairs."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, best_against_worst, fit_each, sample_lists, suboptimality
from penchant.objectives import build

__all__ = ["ListsBeatPairs"]


class ListsBeatPairs(Claim):
    """InfoNCA, NCA, EXO and its baseline on scored lists; DPO on the best and the worst response of each list."""

    id = "infonca-reward-graded-scores"
    paper = "arXiv:2402.05369"
    sentence = (
        "Methods that use the scores of all responses get closer to the regularised optimum than DPO on "
        "best-against-worst pairs of the same lists."
    )
    methods = ("infonca-reward", "nca-reward", "exo-rw", "dpo-rw")
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=8, score_noise=0.3, concentration=0.5)
    quantity = "gap to the optimal regularised value at β = 0.25, in units of reward (lower is better)"
    contrasts = (
        Contrast("dpo", "infonca-reward", smallest=0.15),
        Contrast("dpo", "nca-reward", smallest=0.1),
        Contrast("dpo", "exo-rw", smallest=0.15),
        Contrast("dpo", "dpo-rw", smallest=0.15),
    )
    remark = (
        "DPO's β = 0.5 is the best of ¼, ½ and 1 on the tuning seeds. Best-against-worst pairs show only which "
        "response is better, not by how much, so for no β is their optimum the right one."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """60 lists of four responses, 150 steps; the temperatures of every method multiply to ¼."""
        world = self.draw_world(seed)
        lists = sample_lists(world, seed, count=60)
        methods = {
            "dpo": build("dpo", beta=0.5),
            "infonca-reward": build("infonca-reward", beta=0.25),
            "nca-reward": build("nca-reward", beta=0.25),
            "exo-rw": build("exo-rw"),
            "dpo-rw": build("dpo-rw"),
        }
        examples = {**dict.fromkeys(methods, lists), "dpo": best_against_worst(world, lists)}
        policies = fit_each(world, methods, examples, steps=150)
        lost = {arm: suboptimality(world, policy, beta=0.25) for arm, policy in policies.items()}
        return {"reference": suboptimality(world, world.reference, beta=0.25), **lost}
