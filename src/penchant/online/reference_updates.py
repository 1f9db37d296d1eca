"""Which model the policy is held to, from one iteration to the next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError, nearest

__all__ = ["REFERENCE_UPDATES", "ReferenceUpdate", "build_reference_update"]

State = dict[str, Tensor]


class ReferenceUpdate:
    """``initial``: the reference is the initial model throughout.

    A rule changes the reference, and possibly the policy, when an iteration has ended.

    Args:
        rate: how fast the reference follows the policy; its meaning is the rule's.
    """

    name = "initial"

    def __init__(self, rate: float = 0.0) -> None:
        self.rate = rate

    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        """After an iteration: set the reference of the next one.

        Args:
            policy: as the iteration left it.
            reference: the model that it was held to, or None where the objective needs none.
        """

    def state_dict(self) -> dict[str, Any]:
        """What the rule remembers between iterations."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where `state_dict` was asked."""


class _Previous(ReferenceUpdate):
    """The reference is the policy as the iteration found it: π_ref ← π_{k+1}."""

    name = "previous"

    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        if reference is not None:
            _blend(reference, policy, 1.0)


class _EMA(ReferenceUpdate):
    """The reference follows slowly, in weights: θ_ref ← (1 − rate) θ_ref + rate θ."""

    name = "ema"

    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        if reference is not None:
            _blend(reference, policy, self.rate)


class _Nesterov(ReferenceUpdate):
    """The policy is extrapolated along its last move, and held to that: θ ← θ̂_{k+1} + rate (θ̂_{k+1} − θ̂_k).

    θ̂ is what an iteration learned. The first one starts from θ̂_0, the initial model.

    Reference:
        He, Yuan, Gu (2024), Accelerated Preference Optimization for Large Language Model Alignment.
    """

    name = "nesterov"

    def __init__(self, rate: float, policy: nn.Module) -> None:
        super().__init__(rate)
        self.solved = _copy(policy)

    @torch.no_grad()
    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        learned = _copy(policy)
        for name, weight in policy.named_parameters():
            weight.add_(learned[name] - self.solved[name], alpha=self.rate)
        self.solved = learned
        if reference is not None:
            _blend(reference, policy, 1.0)

    def state_dict(self) -> dict[str, Any]:
        return self.solved

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.solved = {name: state[name].to(weight.device) for name, weight in self.solved.items()}


REFERENCE_UPDATES = ("initial", "previous", "ema", "nesterov")


def build_reference_update(name: str, rate: float, policy: nn.Module) -> ReferenceUpdate:
    """The rule that a recipe names.

    Args:
        name: one of `REFERENCE_UPDATES`.
        rate: for ``ema`` in (0, 1], the share of the policy that is mixed in; for ``nesterov`` in [0, 1), how far to
            extrapolate.
        policy: at its initial weights.

    Raises:
        ConfigurationError: an unknown rule, or a rate that it cannot have.

    Example:
        >>> build_reference_update("previous", 0.0, nn.Linear(1, 1)).name
        'previous'
    """
    if name not in REFERENCE_UPDATES:
        raise ConfigurationError(
            f"There is no reference rule {name!r}. {nearest(name, REFERENCE_UPDATES)}", where="reference"
        )
    if (name == "ema" and not 0 < rate <= 1) or (name == "nesterov" and not 0 <= rate < 1):
        allowed = "in (0, 1]" if name == "ema" else "in [0, 1)"
        raise ConfigurationError(f"'reference_rate' is {rate}, expected a number {allowed} for reference={name}.")
    if name == "nesterov":
        return _Nesterov(rate, policy)
    return {"initial": ReferenceUpdate, "previous": _Previous, "ema": _EMA}[name](rate)


def _copy(model: nn.Module) -> State:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


@torch.no_grad()
def _blend(target: nn.Module, source: nn.Module, share: float) -> None:
    """target ← (1 − share) target + share source; buffers are taken over."""
    given = dict(source.named_parameters())
    for name, weight in target.named_parameters():
        # Copied and not mixed where the share is all: (1 − 1) · x + y is not y for an infinite x.
        weight.copy_(given[name]) if share == 1.0 else weight.lerp_(given[name], share)
    buffers = dict(source.named_buffers())
    for name, buffer in target.named_buffers():
        buffer.copy_(buffers[name])
