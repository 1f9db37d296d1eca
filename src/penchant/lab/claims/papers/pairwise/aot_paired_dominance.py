"""AOT and stochastic dominance of implied rewards."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Policy,
    Rows,
    World,
    expected_reward,
    fit_each,
    log_probabilities,
    sample_pairs,
)
from penchant.objectives import build

__all__ = ["ChosenRewardsDominate"]


class ChosenRewardsDominate(Claim):
    """Both forms of AOT, the unpaired one on shuffled responses, and DPO; evaluated on unseen pairs."""

    id = "aot-paired-dominance"
    paper = "arXiv:2406.05882"
    sentence = (
        "After AOT, the implied rewards of unseen chosen responses dominate those of rejected ones at nearly all "
        "quantiles, about as much as after DPO, also in the unpaired form; the true reward rises."
    )
    methods = ("aot-paired", "aot-unpaired")
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=6, pairs=200)
    quantity = (
        "share of quantiles at which chosen responses have the larger implied reward; or expected true reward in "
        "standard deviations of the reward"
    )
    contrasts = (
        Contrast("aot-paired, share", 0.5, smallest=0.3),
        Contrast("aot-unpaired, share", 0.5, smallest=0.3),
        Contrast("aot-paired, share", "dpo, share", not_worse_by=0.1),
        Contrast("aot-paired, reward", "reference, reward", smallest=0.5),
        Contrast("aot-unpaired, reward", "reference, reward", smallest=0.4),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same responses for all, β = 0.3, 100 steps."""
        world = self.draw_world(seed)
        pairs, unseen = sample_pairs(world, seed), sample_pairs(world, seed + 50_000)
        arms = {"reference, reward": expected_reward(world, world.reference)}
        given = {"aot-paired": pairs, "aot-unpaired": _torn(pairs, seed), "dpo": pairs}
        methods = {name: build(name, beta=0.3) for name in given}
        for name, policy in fit_each(world, methods, given, steps=100).items():
            arms[f"{name}, share"] = _share_dominated(world, policy, unseen)
            arms[f"{name}, reward"] = expected_reward(world, policy)
        return arms


def _torn(pairs: Examples, seed: int) -> Examples:
    """The same responses, with rejected responses shuffled among pairs."""
    rejected = pairs.views["rejected"]
    assert isinstance(rejected, Rows)
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
    return pairs.with_view("rejected", Rows(rejected.prompt[order], rejected.response[order]))


def _share_dominated(world: World, policy: Policy, pairs: Examples) -> float:
    implied = log_probabilities(policy) - world.reference

    def quantiles(view: str) -> Tensor:
        rows = pairs.views[view]
        assert isinstance(rows, Rows)
        return implied[rows.prompt, rows.response].sort().values

    return float((quantiles("chosen") > quantiles("rejected")).double().mean())
