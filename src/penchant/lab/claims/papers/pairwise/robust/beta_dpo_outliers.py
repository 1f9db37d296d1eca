"""The filter of β-DPO on flipped labels."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Scoring, expected_reward, fit_each, log_probabilities, sample_pairs
from penchant.objectives import build

__all__ = ["FilterLeavesOutFlippedPairs"]


class FilterLeavesOutFlippedPairs(Claim):
    """β-DPO with and without its filter, and DPO, on deterministic preferences with flipped labels."""

    id = "beta-dpo-outliers"
    paper = "arXiv:2407.08639"
    sentence = (
        "With 20 % of otherwise deterministic labels flipped, the filter of β-DPO keeps fewer flipped pairs than "
        "others, and its true reward is higher than without the filter and than that of DPO."
    )
    methods = ("beta-dpo",)
    baselines = ("dpo",)
    world = Dials(prompts=6, responses=5, temperature=0.0, flips=0.2, pairs=450)
    quantity = "expected true reward in standard deviations of the reward, or share of the pairs kept at the end"
    contrasts = (
        Contrast("kept of the right pairs", "kept of the flipped pairs", smallest=0.2),
        Contrast("filter", "no filter", smallest=0.05),
        Contrast("filter", "dpo", smallest=0.05),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """A third of the pairs is filtered out; 80 steps, β = 0.5."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        filtering = build("beta-dpo", beta=0.5, filter_ratio=0.3)
        others = {"no filter": build("beta-dpo", beta=0.5, filter_ratio=0.0), "dpo": build("dpo", beta=0.5)}
        policies = fit_each(world, {"filter": filtering, **others}, pairs, steps=80)
        drawn = filtering(**Scoring(world, filtering, pairs, world.reference)(log_probabilities(policies["filter"])))
        kept, flipped = drawn.statistics["kept"].double(), pairs.fields["flipped"].bool()
        return {
            "kept of the right pairs": float(kept[~flipped].mean()),
            "kept of the flipped pairs": float(kept[flipped].mean()),
            **{arm: expected_reward(world, policy) for arm, policy in policies.items()},
        }
