"""Step rules: what becomes of the weights between the rounds of a run."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import torch
from torch import nn

from penchant.named import Named
from penchant.online.state import State
from penchant.registry import Registry

__all__ = ["STEP_RULES", "Extragradient", "Plain", "Restart", "StepRule"]

#: All step rules by name.
STEP_RULES: Registry[type[StepRule]] = Registry("step rule")


class StepRule(Named):
    """Called when the examples of a round are there, before it trains."""

    kind = "step rule"
    registry = STEP_RULES

    #: A number of rounds that belong together, so that a run ends after a multiple of it.
    rounds: ClassVar[int] = 1

    def begin(self, policy: nn.Module) -> None:
        """Take note of the weights that the run starts from.

        Args:
            policy: the model in training, before the first round.
        """

    def before_training(self, number: int, policy: nn.Module, state: State, teaches: bool = True) -> None:
        """Change the weights or the optimizer's state before a round trains.

        Args:
            number: of the round, from 0.
            policy: the model in training.
            state: of the run, with the optimizer's state.
            teaches: whether there is anything to train on.
        """

    def state_dict(self) -> dict[str, Any]:
        """What it keeps from round to round."""
        return {}

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""


class Plain(StepRule):
    """Every round trains from where the last one ended."""

    id = "plain"


class Extragradient(StepRule):
    """A look-ahead step, then the real step: θ' = θ − g(θ; samples of θ), θ ← θ − g(θ; samples of θ').

    The first of two rounds trains a look-ahead. The second samples from it, takes it back, weights and optimizer bit
    for bit, and trains from where the first began.

    Reference:
        Zhou, Fazel, Du (2025), Extragradient Preference Optimization (EGPO), algorithm 1.
    """

    id = "extragradient"
    rounds = 2

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.kept: dict[str, Any] = {}

    def before_training(self, number: int, policy: nn.Module, state: State, teaches: bool = True) -> None:
        """Keep the weights and the optimizer's state before a look-ahead, and restore them after its samples."""
        if number % 2 == 0:
            weights = {name: each.detach().clone() for name, each in policy.state_dict().items()}
            self.kept = {"policy": weights, "optimizer": copy.deepcopy(state.optimizer)}
        elif self.kept:
            policy.load_state_dict(self.kept["policy"])
            state.optimizer = self.kept["optimizer"]
            self.kept = {}

    def state_dict(self) -> dict[str, Any]:
        """The weights before the look-ahead, between the two rounds."""
        return self.kept

    def load_state_dict(self, kept: dict[str, Any]) -> None:
        """Restore them."""
        self.kept = kept


class Restart(StepRule):
    """Every round trains from the weights that the run started from, on samples of the policy that the last one made.

    So errors of the rounds before are not trained upon further. A round without anything to learn leaves the policy
    as it is.

    Reference:
        Chen et al. (2024), Optima: Optimizing Effectiveness and Efficiency for LLM-Based Multi-Agent System: iterative
        supervised fine-tuning restarts from the base model in the released code (``from_initial``).
    """

    id = "restart"

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.kept: dict[str, torch.Tensor] = {}

    def begin(self, policy: nn.Module) -> None:
        """Keep the weights that are trained; a resumed run has them from the model itself."""
        self.kept = {name: each.detach().clone() for name, each in policy.named_parameters() if each.requires_grad}

    def before_training(self, number: int, policy: nn.Module, state: State, teaches: bool = True) -> None:
        """Restore them, with a fresh optimizer."""
        if not teaches:
            return
        with torch.no_grad():
            for name, each in policy.named_parameters():
                if name in self.kept:
                    each.copy_(self.kept[name])
        state.optimizer = None
