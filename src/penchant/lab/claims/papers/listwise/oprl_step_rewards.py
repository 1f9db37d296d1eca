"""Rewards of single steps that follow from outcomes alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.chains import Chains, Plan, Round, build_chains, learn
from penchant.objectives import Scored, build
from penchant.objectives.functional.sampled.baselines import step_advantages

__all__ = ["StepsEarnCredit"]

_BETA = 0.5


class StepsEarnCredit(Claim):
    """The same policy gradient with advantages of outcomes, and with those of steps under a learned reward model."""

    id = "oprl-step-rewards"
    paper = "arXiv:2509.19199"
    sentence = (
        "Where four steps must all be right and only the outcome is judged, step rewards of a model that is trained "
        "online on outcomes raise the probability of success faster than the outcome alone, at equal samples."
    )
    methods = ("oprl",)
    baselines = ("bnpo",)
    world = "chains of four steps with four choices; four prompts, one right response each"
    quantity = "probability that a response is right as a whole, mean over the rounds"
    contrasts = (Contrast("with step rewards", "outcome only", smallest=0.02),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """30 rounds of 16 samples for each prompt; the reward model starts as the reference and learns in each."""
        world = build_chains(seed, length=4)
        plan = Plan(rounds=30, steps=1, learning_rate=0.1)
        found = {"reference": world.success(world.reference)}
        for arm, weight in (("with step rewards", 1.0), ("outcome only", 0.0)):
            policies = learn(world, build("bnpo"), plan, seed, fields=_StepRewards(world, weight))
            found[arm] = sum(map(world.success, policies)) / len(policies)
        return found


class _StepRewards:
    """Advantages of steps; the reward model learns from a round after it has judged it."""

    def __init__(self, world: Chains, weight: float) -> None:
        self.weight, self.objective = weight, build("oprl", beta=_BETA)
        self.logits = world.reference.clone().requires_grad_()
        self.optimizer = torch.optim.Adam([self.logits], lr=0.1)

    def __call__(self, found: Round) -> Mapping[str, Tensor]:
        old = found.view.policy
        step = _BETA * (self._likelihood(found).detach() - old)
        rows = torch.arange(len(old)).unsqueeze(1).expand_as(old)
        outcome = found.scores.unsqueeze(1).expand_as(old)
        group = found.sampled.prompt.unsqueeze(1).expand_as(old)
        both = step_advantages(outcome.flatten(), step.flatten(), group.flatten(), rows.flatten(), weight=self.weight)
        if self.weight:
            self._learn(found)
        return {"advantage": sum(both).reshape(old.shape)}  # type: ignore[union-attr]

    def _likelihood(self, found: Round) -> Tensor:
        return found.sampled.chosen(self.logits.log_softmax(-1))

    def _learn(self, found: Round) -> None:
        for _ in range(3):
            view = Scored(self._likelihood(found), found.view.policy, found.view.mask, group=found.sampled.prompt)
            self.optimizer.zero_grad()
            self.objective(responses=view, scores=found.scores).values.mean().backward()
            self.optimizer.step()
