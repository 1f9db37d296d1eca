"""RLOO and the same loss without a baseline."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, grouped, log_probabilities, run_rounds
from penchant.objectives import build
from penchant.objectives.functional.sampled.baselines import leave_one_out

__all__ = ["OthersAreTheBaseline"]


#: Of all rewards; a baseline takes it off again.
_MEAN = 2.0


class OthersAreTheBaseline(Claim):
    """The clipped loss with rewards, and with rewards minus the mean of the other samples."""

    id = "rloo-other-samples"
    paper = "arXiv:2402.14740"
    sentence = (
        "With rewards around two, four samples of each prompt and one step a round, the mean reward of the other "
        "samples as baseline leads "
        "to a higher expected reward than rewards without a baseline, each at its best rate."
    )
    methods = ("rloo",)
    world = Dials(responses=10)
    quantity = "expected reward of the policy"
    contrasts = (Contrast("rloo", "no baseline", smallest=0.1),)
    seeds = range(10, 40)
    remark = "The first ten seeds were too few (0.142, interval -0.007 to 0.291), so thirty further seeds judge."

    def measure(self, seed: int) -> Mapping[str, float]:
        """20 rounds of one step; the rates are the best of 3, 10 and 30 (tuning)."""
        world = self.draw_world(seed)
        plan = Rounds(rounds=20, samples=4, steps=1, optimizer="sgd")
        arms = {
            "rloo": (grouped(leave_one_out), 10.0),
            "no baseline": (grouped(lambda scores, group: scores + _MEAN), 10.0),
        }
        found = {"reference": expected_reward(world, world.reference)}
        for arm, (pairing, rate) in arms.items():
            policy = run_rounds(world, build("rloo"), plan, seed=seed, pairing=pairing, learning_rate=rate)[-1]
            found[arm] = expected_reward(world, log_probabilities(policy))
        return found
