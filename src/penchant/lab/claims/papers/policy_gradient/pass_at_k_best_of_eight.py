"""Advantages for pass@k and those of GRPO: the best of several samples, and one sample."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    Dials,
    Policy,
    Rounds,
    World,
    expected_reward,
    grouped,
    log_probabilities,
    run_rounds,
)
from penchant.objectives import build
from penchant.objectives.functional.advantages import best_advantages, group_advantages

__all__ = ["TheBestOfEight"]

_SAMPLES = 8


def _best_of(world: World, policy: Policy, count: int) -> float:
    """The expected reward of the best of several samples, over the prompts."""
    rewards, order = world.reward.sort(-1)
    below = log_probabilities(policy).exp().gather(-1, order).cumsum(-1) ** count
    chance = torch.cat([below[:, :1], below.diff(dim=-1)], -1)
    return float((chance * rewards).sum(-1).mean())


class TheBestOfEight(Claim):
    """The best sample's lead as its advantage, against advantages around the mean."""

    id = "pass-at-k-best-of-eight"
    paper = "arXiv:2503.19595"
    sentence = (
        "With forty responses to a prompt and eight samples a round, advantages for the best sample end at a higher "
        "expected reward of the best of eight samples than GRPO's, and at a lower one of a single sample, each at the "
        "rate that is best for the best of eight."
    )
    measures = ("pass-at-k",)
    methods = ("grpo",)
    baselines = ("grpo",)
    world = Dials(prompts=8, responses=40, reference_spread=2.0)
    quantity = "expected reward, of the best of eight samples or of one"
    contrasts = (
        Contrast("best, pass@k", "best, grpo", smallest=0.1),
        Contrast("one, grpo", "one, pass@k", smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """30 rounds of one step of gradient descent; both at the rate 100, the best of 1 to 100 (tuning seeds)."""
        world = self.draw_world(seed)
        arms = {
            "pass@k": grouped(lambda scores, group: best_advantages(scores, group, scale="none")),
            "grpo": grouped(group_advantages),
        }
        found: dict[str, float] = {}
        for arm, pairing in arms.items():
            plan = Rounds(pairing, rounds=30, samples=_SAMPLES, steps=1, optimizer="sgd", learning_rate=100.0)
            policy = run_rounds(world, build("grpo"), plan, seed=seed)[-1]
            found[f"best, {arm}"] = _best_of(world, policy, _SAMPLES)
            found[f"one, {arm}"] = expected_reward(world, policy)
        return found
