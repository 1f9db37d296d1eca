"""GRPO with three rewards, one of which is on a scale a hundred times larger."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, Samples, World, grouped, log_probabilities, run_rounds
from penchant.lab.worlds.tabular.pairings import Pairing
from penchant.objectives import build
from penchant.objectives.functional.sampled.baselines import Order, several_rewards

__all__ = ["NoneRulesByItsScale"]


class NoneRulesByItsScale(Claim):
    """Rewards that are summed before or after they are normalised within a group."""

    id = "grpo-several-rewards"
    paper = "arXiv:2503.21819"
    sentence = (
        "With three rewards of equal weight, no expected reward falls where each is normalised within its group before "
        "the sum, whatever the scale of one of them; summed first, the two others gain less once one is a hundred "
        "times as large."
    )
    methods = ("grpo",)
    world = Dials(responses=12)
    quantity = "change of the expected reward that changes least, in standard deviations of that reward"
    contrasts = (
        Contrast("normalised first", "nothing", smallest=0.1),
        Contrast("normalised first, one times 100", "normalised first", not_worse_by=0.01),
        Contrast("normalised first, one times 100", "summed first, one times 100", smallest=0.04),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """20 rounds of one step, eight samples of each prompt."""
        world = self.draw_world(seed)
        generator = torch.Generator().manual_seed(seed)
        further = torch.randn(2, *world.reward.shape, generator=generator, dtype=torch.float64)
        rewards = torch.cat([world.reward.unsqueeze(0), further])
        arms: dict[str, tuple[Order, float]] = {
            "normalised first": ("normalize_then_sum", 1.0),
            "normalised first, one times 100": ("normalize_then_sum", 100.0),
            "summed first": ("sum_then_normalize", 1.0),
            "summed first, one times 100": ("sum_then_normalize", 100.0),
        }
        plan = Rounds(rounds=20, samples=8, steps=1, learning_rate=20.0, optimizer="sgd")
        found = {"nothing": 0.0}
        for arm, (order, scale) in arms.items():
            pairing = _several(rewards * torch.tensor([scale, 1.0, 1.0]).reshape(3, 1, 1), order)
            policy = log_probabilities(run_rounds(world, build("grpo"), plan, seed=seed, pairing=pairing)[-1])
            moved = ((policy.exp() - world.reference.exp()) * rewards).sum(-1).mean(-1)
            found[arm] = float((moved / rewards.flatten(1).std(-1)).min())
        return found


def _several(rewards: Tensor, order: Order) -> Pairing:
    def build_groups(world: World, samples: Samples) -> object:
        given = rewards[:, samples.prompt.unsqueeze(-1), samples.response].flatten(1).T
        weights = torch.full((len(rewards),), 1 / len(rewards), dtype=torch.float64)
        rule = grouped(lambda scores, group: several_rewards(given, group, weights, order=order))
        return rule(world, samples)

    return build_groups  # type: ignore[return-value]
