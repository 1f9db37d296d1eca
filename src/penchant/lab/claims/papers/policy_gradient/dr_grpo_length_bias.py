"""GRPO's division by a response's own length, and the length of wrong responses."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Policy,
    Rounds,
    World,
    checked_world,
    expected_reward,
    length_of_wrong,
    run_rounds,
    unscaled_group,
)
from penchant.objectives import build

__all__ = ["NoLongerWhenWrong"]


class NoLongerWhenWrong(Claim):
    """GRPO, Dr. GRPO and BNPO, GRPO averaged over the batch's tokens, where length says nothing about rightness."""

    id = "dr-grpo-length-bias"
    paper = "arXiv:2503.20783"
    sentence = (
        "Where answers are checked and their length says nothing about whether they are right, GRPO's wrong answers "
        "become longer than those of Dr. GRPO and of BNPO, which reach about the same share of right answers."
    )
    methods = ("dr-grpo", "bnpo")
    baselines = ("grpo",)
    world = Dials(prompts=8, responses=12, shortest=2, longest=12)
    quantity = "mean length of the policy's wrong answers, tokens; or share of right answers"
    contrasts = (
        Contrast("grpo, wrong length", "dr-grpo, wrong length", smallest=0.4),
        Contrast("grpo, wrong length", "bnpo, wrong length", smallest=0.4),
        Contrast("dr-grpo, right", "grpo, right", not_worse_by=0.1),
        Contrast("bnpo, right", "grpo, right", not_worse_by=0.1),
    )

    def draw_world(self, seed: int) -> World:
        """The best three of twelve answers are right."""
        return checked_world(super().draw_world(seed), 3)

    def measure(self, seed: int) -> Mapping[str, float]:
        """20 rounds of one step; with these rates all reach the same share of right answers on the tuning seeds."""
        world = self.draw_world(seed)
        plan = Rounds("group", rounds=20, samples=16, steps=1, optimizer="sgd")
        dr_grpo = build("dr-grpo", max_completion_length=12)
        trained: dict[str, Policy | Tensor] = {
            "reference": world.reference,
            "grpo": run_rounds(world, "grpo", plan, seed=seed, learning_rate=20.0)[-1],
            "dr-grpo": run_rounds(world, dr_grpo, plan, seed=seed, pairing=unscaled_group, learning_rate=100.0)[-1],
            "bnpo": run_rounds(world, "bnpo", plan, seed=seed, learning_rate=25.0)[-1],
        }
        arms = {f"{name}, wrong length": length_of_wrong(world, policy) for name, policy in trained.items()}
        return arms | {f"{name}, right": expected_reward(world, policy) for name, policy in trained.items()}
