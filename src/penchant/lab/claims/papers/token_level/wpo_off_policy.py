"""WPO on pairs that another policy has written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_pairs
from penchant.objectives import build

__all__ = ["BetterOffPolicy"]


class BetterOffPolicy(Claim):
    """WPO and DPO on the same pairs, most of which the policy would not write, with a policy of few parameters."""

    id = "wpo-off-policy"
    paper = "arXiv:2406.11827"
    sentence = (
        "Where the pairs come from a policy that likes what the trained one dislikes, and a log-linear policy sees "
        "half of the features that the reward depends on, WPO's policy has a higher true reward than DPO's."
    )
    methods = ("wpo",)
    baselines = ("dpo",)
    world = Dials(
        prompts=6, responses=8, pairs=300, shortest=1, longest=1, features=6, concentration=-0.5, reference_spread=2.0
    )
    quantity = "expected true reward, in its standard deviations"
    contrasts = (Contrast("wpo", "dpo", smallest=0.05),)
    remark = (
        "What is learned from foreign responses holds for the policy's own here, so that down-weighting them only "
        "loses information; wpo-misleading-pairs is the opposite case."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1, the better of 0.1 and 0.5 for both. A response is one token, so that its weight is the paper's."""
        world = self.draw_world(seed)
        world = replace(world, features=world.features[..., :3])
        pairs = sample_pairs(world, seed)
        methods = {name: build(name, beta=0.1) for name in self.methods + self.baselines}
        arms = fit_each(world, methods, pairs, steps=80)
        return {name: expected_reward(world, policy) for name, policy in arms.items()} | {
            "reference": expected_reward(world, world.reference)
        }
