"""Rewards of single steps that follow from outcomes alone."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.chains import Plan, build_chains, learn
from penchant.lab.worlds.step_rewards import StepRewards
from penchant.objectives import build

__all__ = ["StepsEarnCredit"]


class StepsEarnCredit(Claim):
    """The same policy gradient with advantages of outcomes, and with those of steps under a learned reward model."""

    id = "oprl-step-rewards"
    paper = "arXiv:2509.19199"
    sentence = (
        "Where four steps must all be right and only the outcome is judged, step rewards of a model that is trained "
        "online on outcomes raise the probability of success faster than the outcome alone, at equal samples."
    )
    methods = ("oprl",)
    baselines = ("bnpo",)
    world = "chains of four steps with four choices; four prompts, one right response each"
    quantity = "probability that a response is right as a whole, mean over the rounds"
    contrasts = (Contrast("with step rewards", "outcome only", smallest=0.02),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """30 rounds of 16 samples for each prompt; the reward model starts as the reference and learns in each."""
        world = build_chains(seed, length=4)
        plan = Plan(rounds=30, steps=1, learning_rate=0.1)
        found = {"reference": world.success(world.reference)}
        for arm, weight in (("with step rewards", 1.0), ("outcome only", 0.0)):
            policies = learn(world, build("bnpo"), plan, seed, fields=StepRewards(world, weight))
            found[arm] = sum(map(world.success, policies)) / len(policies)
        return found
