"""RSO: pairs from approximately the optimal policy."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, resampled_pairs
from penchant.objectives import build

__all__ = ["BetterPairsBetterPolicy"]


class BetterPairsBetterPolicy(Claim):
    """The two losses of RSO on resampled pairs, against DPO on pairs from the reference."""

    id = "rso-sigmoid-norm-resampled-pairs"
    paper = "arXiv:2309.06657"
    sentence = (
        "On pairs resampled from approximately the optimal policy, the losses of RSO reach a higher true reward than "
        "DPO on pairs from the reference, with the same candidates and the same reward model."
    )
    methods = ("rso-sigmoid-norm", "rso-hinge-norm")
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=16, score_noise=0.5)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("rso-sigmoid-norm", "dpo", smallest=0.2),
        Contrast("rso-hinge-norm", "dpo", smallest=0.2),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """64 candidates and 8 kept, four times per prompt; γ = β = 0.1, and DPO also with a larger β."""
        world = self.draw_world(seed)
        weak, near = resampled_pairs(world, seed), resampled_pairs(world, seed, beta=0.5)
        methods = {name: build(name, beta=0.1) for name in ("rso-sigmoid-norm", "rso-hinge-norm")}
        methods |= {"dpo": build("dpo", beta=0.1), "dpo, β = 0.5": build("dpo", beta=0.5)}
        pairs = {arm: weak if arm.startswith("dpo") else near for arm in methods}
        trained = fit_each(world, methods, pairs, steps=80)
        return {arm: expected_reward(world, policy) for arm, policy in trained.items()}
