"""The bandit study: fresh samples and a negative gradient, with the peak of reward far from the start and near it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import fmean

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.bandit.study import Arm, Study, run_bandit

__all__ = ["FreshSamplesAndNegativeGradient"]


class FreshSamplesAndNegativeGradient(Claim):
    """DPO, IPO, REINFORCE, PPO, advantage-weighted regression and best-of-N, on both axes."""

    id = "on-policy-study-bandit"
    paper = "arXiv:2404.14367"
    sentence = (
        "On a bandit whose peak of reward is far from the start policy, every algorithm gains from sampling the policy "
        "anew, and a negative gradient helps; where the peak is near, both matter little."
    )
    measures = ("on-policy-study",)
    world = "bandit: 100 contexts, 100 actions, start policy a Gaussian around 20; peak of width 10 at 70 or at 20"
    quantity = "expected reward after 100 epochs of ten samples a context, in [0, 1]; means over six algorithms"
    contrasts = (
        Contrast("far, fresh samples", "far, start samples", smallest=0.05),
        Contrast("far, least gain of fresh samples", 0.0, smallest=0.01),
        Contrast("far, negative gradient", "far, none", smallest=0.02),
        Contrast("near, start samples", "near, fresh samples", not_worse_by=0.1),
        Contrast("near, none", "near, negative gradient", not_worse_by=0.05),
    )
    seeds = range(5)
    remark = (
        "The negative gradient is not reproduced: in a table, what is taken from a bad action goes to all others in "
        "proportion to their probability, so mostly to those near the start; no action learns from its neighbours. PPO "
        "on samples that are ten epochs old is the exception (0.80 against 0.17 on a tuning seed)."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Tables by Adam at a rate of 0.1; start samples are drawn anew in each epoch, too, from the start policy."""
        found = {}
        for peak in ("far", "near"):
            arms = run_bandit(Study(peak=peak, every=(0, 1)), seed)
            found[f"{peak}, fresh samples"] = _mean(arms, lambda arm: arm.every == 1)
            found[f"{peak}, start samples"] = _mean(arms, lambda arm: arm.every == 0)
            gains = [
                _mean(own, lambda arm: arm.every == 1) - _mean(own, lambda arm: arm.every == 0)
                for own in ([arm for arm in arms if arm.algorithm == name] for name in {arm.algorithm for arm in arms})
            ]
            found[f"{peak}, least gain of fresh samples"] = min(gains)
            found[f"{peak}, negative gradient"] = _mean(arms, lambda arm: arm.every == 1 and arm.push)
            found[f"{peak}, none"] = _mean(arms, lambda arm: arm.every == 1 and not arm.push)
        return found


def _mean(arms: list[Arm], chosen: Callable[[Arm], bool]) -> float:
    return fmean(arm.reward for arm in arms if chosen(arm))
