"""REINFORCE++: one sample a prompt and a normalisation over the round, against groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, expected_reward, grouped, log_probabilities, run_rounds
from penchant.objectives import build
from penchant.objectives.functional.advantages import group_advantages

__all__ = ["NormalisedOverTheRound"]


def _over_the_round(scores: Tensor, group: Tensor) -> Tensor:
    """Scores with mean 0 and deviation 1 over all samples."""
    return group_advantages(scores, torch.zeros_like(group))


class NormalisedOverTheRound(Claim):
    """The same number of samples: each of another prompt, or in groups of four."""

    id = "reinforce-pp-one-sample"
    paper = "arXiv:2501.03262"
    sentence = (
        "With 64 samples a round, one for each of 64 prompts and normalised over the round, REINFORCE++ reaches an "
        "expected reward that is not below that of GRPO with groups of four for 16 prompts."
    )
    methods = ("reinforce-pp",)
    baselines = ("grpo",)
    world = Dials(prompts=16, responses=8)
    quantity = "expected reward of the policy"
    contrasts = (Contrast("reinforce++", "grpo", not_worse_by=0.1),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """40 rounds of one step of gradient descent; both at the rate 30, which was not searched."""
        world = self.draw_world(seed)
        plan = Rounds(rounds=40, steps=1, optimizer="sgd")
        arms = {
            "reinforce++": ("reinforce-pp", grouped(_over_the_round), 64, 1, 30.0),
            "grpo": ("grpo", grouped(group_advantages), 16, 4, 30.0),
        }
        found = {"reference": expected_reward(world, world.reference)}
        for arm, (name, pairing, prompts, samples, rate) in arms.items():
            own = replace(plan, pairing=pairing, prompts=prompts, samples=samples, learning_rate=rate)
            policy = run_rounds(world, build(name), own, seed=seed)[-1]
            found[arm] = expected_reward(world, log_probabilities(policy))
        return found
