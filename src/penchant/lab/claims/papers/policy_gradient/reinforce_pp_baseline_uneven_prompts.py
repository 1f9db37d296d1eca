"""REINFORCE++ with and without the group's mean, where prompts are of unequal difficulty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rounds,
    World,
    expected_reward,
    grouped,
    log_probabilities,
    run_rounds,
)
from penchant.lab.worlds.tabular.pairings import Pairing, Samples
from penchant.objectives import build
from penchant.objectives.functional.advantages import group_advantages

__all__ = ["TheGroupsMeanFirst"]

#: Deviation of the prompts' mean rewards; that of the rewards to a prompt is 1.
_UNEVEN = 3.0


def _over_the_round(scores: Tensor) -> Tensor:
    return group_advantages(scores, torch.zeros(len(scores), dtype=torch.long), scale="batch")


def _plain(scores: Tensor, group: Tensor) -> Tensor:
    return _over_the_round(scores)


def _with_baseline(scores: Tensor, group: Tensor) -> Tensor:
    return _over_the_round(group_advantages(scores, group, scale="none"))


def _uneven(pairing: Pairing, levels: Tensor) -> Pairing:
    """A pairing of samples whose scores have another level for each prompt."""

    def build_uneven(world: World, samples: Samples) -> Examples:
        raised = samples.scores + levels[samples.prompt].unsqueeze(-1)
        return pairing(
            world,
            Samples(samples.prompt, samples.response, raised, samples.policy, samples.expert, samples.seed),
        )

    return build_uneven


class TheGroupsMeanFirst(Claim):
    """Scores normalised over the round, and scores less their group's mean normalised over the round."""

    id = "reinforce-pp-baseline-uneven-prompts"
    paper = "arXiv:2501.03262"
    sentence = (
        "Where the mean rewards of prompts differ three times as much as the rewards to a prompt, REINFORCE++ with the "
        "group's mean as baseline ends at a higher expected reward than with the normalisation over the round alone, "
        "at equal samples and each at its best rate."
    )
    measures = ("reinforce-pp-baseline",)
    methods = ("reinforce-pp",)
    world = Dials(prompts=16, responses=8)
    quantity = "expected reward of the policy, without the levels of the prompts"
    contrasts = (Contrast("with baseline", "plain", smallest=0.1),)
    seeds = range(30)

    def measure(self, seed: int) -> Mapping[str, float]:
        """40 rounds of four samples and one step; of the rates 30 to 1000 the best for each arm (five tuning seeds)."""
        world = self.draw_world(seed)
        generator = torch.Generator().manual_seed(seed)
        levels = _UNEVEN * torch.randn(len(world.reward), generator=generator, dtype=torch.float64)
        plan = Rounds(rounds=40, samples=4, steps=1, optimizer="sgd")
        found = {"reference": expected_reward(world, world.reference)}
        for arm, advantages, rate in (("plain", _plain, PLAIN_RATE), ("with baseline", _with_baseline, RATE)):
            own: dict[str, Any] = {"pairing": _uneven(grouped(advantages), levels), "learning_rate": rate}
            policy = run_rounds(world, build("reinforce-pp"), plan, seed=seed, **own)[-1]
            found[arm] = expected_reward(world, log_probabilities(policy))
        return found


#: Rates of plain gradient steps, chosen on tuning seeds.
RATE, PLAIN_RATE = 100.0, 300.0
