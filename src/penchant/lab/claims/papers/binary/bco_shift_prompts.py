"""BCO's reward shift where liked and disliked responses answer different prompts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, World, divided_judgements, fit_each, log_probabilities
from penchant.objectives import build

__all__ = ["RewardShift", "reward_of_liked_prompts"]


def reward_of_liked_prompts(world: World, policy: object) -> float:
    """The expected true reward on the first half of the prompts, whose responses are liked more."""
    chances = log_probabilities(policy).exp()  # type: ignore[arg-type]
    return float((chances * world.reward).sum(-1)[: world.dials.prompts // 2].mean())


class RewardShift(Claim):
    """BCO with its running mean as shift, and without a shift."""

    id = "bco-shift-prompts"
    paper = "arXiv:2404.04656"
    sentence = (
        "Where one half of the prompts is mostly liked and the other mostly disliked, whatever the response, BCO with "
        "the running mean as shift reaches a higher true reward on the liked half than without a shift."
    )
    methods = ("bco",)
    world = Dials()
    quantity = "expected true reward on the liked half of the prompts, in standard deviations of the reward"
    contrasts = (Contrast("running mean", "no shift", smallest=0.08),)
    seeds = range(20, 50)
    remark = (
        "The first ten seeds were too few (0.096, interval -0.019 to 0.212), so thirty further seeds judge. "
        "Arms with `alike` have labels that depend on the response alone. With β = 0.1 the rewards, and so the shift, "
        "stay small within 60 steps, and the tuning seeds show no difference; here β is 1."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 judgements, β = 1, 200 steps, prompts ± 3 logits apart."""
        world = self.draw_world(seed)
        found: dict[str, float] = {}
        for lead, divide in (("", 3.0), ("alike, ", 0.0)):
            judged = divided_judgements(world, seed, divide)
            shifts = {"running mean": "running-mean", "balanced": "balanced", "no shift": "none"}
            methods = {lead + arm: build("bco", beta=1.0, shift=shift) for arm, shift in shifts.items()}
            fitted = fit_each(world, methods, judged, steps=200)
            found |= {arm: reward_of_liked_prompts(world, policy) for arm, policy in fitted.items()}
        return found
