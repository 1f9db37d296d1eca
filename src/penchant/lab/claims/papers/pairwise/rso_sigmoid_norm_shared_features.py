"""RSO in a log-linear world with shared parameters."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, resampled_pairs
from penchant.objectives import build

__all__ = ["BetterPairsWithSharedFeatures"]


class BetterPairsWithSharedFeatures(Claim):
    """RSO against DPO in a log-linear world."""

    id = "rso-sigmoid-norm-shared-features"
    paper = "arXiv:2309.06657"
    sentence = (
        "In a log-linear world too, RSO on resampled pairs reaches a higher true reward than DPO on pairs from the "
        "reference."
    )
    methods = ("rso-sigmoid-norm",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=16, score_noise=0.5, features=16)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("rso-sigmoid-norm", "dpo", smallest=0.2),)
    remark = (
        "Likely reason: with shared parameters, a pair of a good and a bad response is more informative about the "
        "reward than a pair of two good ones, and resampled pairs are mostly of the second kind. Twice as many of them "
        "help."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """As in rso-sigmoid-norm-resampled-pairs; also with twice as many resampled pairs."""
        world = self.draw_world(seed)
        pairs = {
            "rso-sigmoid-norm": resampled_pairs(world, seed, beta=0.5),
            "rso-sigmoid-norm, twice the pairs": resampled_pairs(world, seed, beta=0.5, repeats=8),
            "dpo": resampled_pairs(world, seed),
        }
        rso = {arm: build("rso-sigmoid-norm", beta=0.1) for arm in pairs if arm != "dpo"}
        trained = fit_each(world, {**rso, "dpo": build("dpo", beta=0.1)}, pairs, steps=80)
        return {arm: expected_reward(world, policy) for arm, policy in trained.items()}
