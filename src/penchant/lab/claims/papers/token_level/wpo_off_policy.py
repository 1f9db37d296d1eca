"""WPO on off-policy pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["BetterOffPolicy"]


class BetterOffPolicy(Claim):
    """WPO and DPO on the same pairs, mostly unlikely under the policy, with few parameters."""

    id = "wpo-off-policy"
    paper = "arXiv:2406.11827"
    sentence = (
        "If the pairs come from a policy with opposite preferences, and a log-linear policy has half of the features "
        "of the reward, WPO reaches a higher true reward than DPO."
    )
    methods = ("wpo",)
    baselines = ("dpo",)
    world = Dials(
        prompts=6, responses=8, pairs=300, shortest=1, longest=1, features=6, concentration=-0.5, reference_spread=2.0
    )
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("wpo", "dpo", smallest=0.05),)
    remark = (
        "Here, what is learned from off-policy responses also holds for the policy's own, so down-weighting them only "
        "loses information; wpo-misleading-pairs is the opposite case."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1, the better of 0.1 and 0.5 for both. One token per response, so that the weights match the paper."""
        world = self.draw_world(seed)
        world = replace(world, features=world.features[..., :3])
        pairs = sample_pairs(world, seed)
        methods = {name: build(name, beta=0.1) for name in self.methods + self.baselines}
        arms = fit_each(world, methods, pairs, steps=80)
        return {name: expected_reward(world, policy) for name, policy in arms.items()} | {
            "reference": expected_reward(world, world.reference)
        }
