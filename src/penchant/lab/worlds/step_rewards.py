"""`StepRewards`: rewards of the steps of a chain, learned from outcomes alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.worlds.chains import Chains, Round
from penchant.objectives import Scored, build
from penchant.objectives.functional.sampled.baselines import step_advantages

__all__ = ["StepRewards"]

# Of the implicit reward.
BETA = 0.5


class StepRewards:
    """Advantages of steps by a reward model that learns from a round after it has judged it.

    Args:
        world: whose reference the reward model starts as.
        weight: of the step rewards; 0 leaves the advantages of outcomes, and nothing is learned.
    """

    def __init__(self, world: Chains, weight: float) -> None:
        self.weight, self.objective = weight, build("oprl", beta=BETA)
        self.logits = world.reference.clone().requires_grad_()
        self.optimizer = torch.optim.Adam([self.logits], lr=0.1)

    def __call__(self, found: Round) -> Mapping[str, Tensor]:
        old = found.view.policy
        step = BETA * (self._likelihood(found).detach() - old)
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
