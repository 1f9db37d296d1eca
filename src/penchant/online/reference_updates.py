"""Updates of the reference between rounds: keep the initial model, or follow the policy.

With an adapter, weights are those of the adapter: ``ema`` and ``nesterov`` mix its matrices, not the products that
they add to the model.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.likelihood.core import has_adapter
from penchant.named import Named
from penchant.registry import Registry

__all__ = [
    "EMA",
    "FORMER_NAMES",
    "REFERENCE_UPDATES",
    "Extrapolated",
    "Initial",
    "Nesterov",
    "Previous",
    "ReferenceUpdate",
    "Teacher",
    "Unchanged",
    "blend",
    "build_reference_update",
    "find_reference_update",
]

#: All updates of the reference by name.
REFERENCE_UPDATES: Registry[type[ReferenceUpdate]] = Registry("reference update")

#: Former names of updates and their replacements.
FORMER_NAMES = {"fixed": "initial", "moving": "ema"}

State = dict[str, Tensor]


class ReferenceUpdate(Named):
    """Changes the reference, and possibly the policy, after each round; a subclass implements ``advance``.

    A subclass with an ``id`` is a value of the recipe's ``reference``; its annotated fields are keys of the recipe.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "reference update"
    registry = REFERENCE_UPDATES
    #: Whether the reference's log-probabilities are extrapolated from those of a second copy, which lies behind it.
    looks_back: ClassVar[bool] = False
    #: That second copy, which the run sets.
    behind: nn.Module | None = None

    def begin(self, policy: nn.Module) -> None:
        """Start with the policy at its initial weights; called once."""

    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        """Set the reference of the next round.

        Args:
            policy: after the round.
            reference: the frozen copy, or None if the objective needs no reference.
        """

    def state_dict(self) -> dict[str, Any]:
        """The state of the update between rounds."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""


class Unchanged(ReferenceUpdate):
    """A reference that stays as it is."""


class Initial(Unchanged):
    """The reference stays the initial model."""

    id = "initial"


class Teacher(Unchanged):
    """The reference is another model, the recipe's ``teacher``, and stays as it is."""

    id = "teacher"


class Previous(ReferenceUpdate):
    """The reference is the policy at the start of the round: π_ref ← π_{k+1}."""

    id = "previous"

    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        """Copy the policy's weights."""
        if reference is not None:
            blend(reference, policy, 1.0)


class EMA(ReferenceUpdate):
    """The reference is an exponential moving average of weights: θ_ref ← (1 − rate) θ_ref + rate θ."""

    id = "ema"

    reference_rate: Annotated[float, Gt(0), Le(1), "share of the policy's weights mixed in after each round"] = 0.1

    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        """Mix the policy's weights in."""
        if reference is not None:
            blend(reference, policy, self.reference_rate)


class Nesterov(ReferenceUpdate):
    """Extrapolates the policy along its last change and copies it to the reference: θ ← θ̂_{k+1} + rate (θ̂_{k+1} − θ̂_k).

    θ̂_k are the weights after training in round k; θ̂_0 is the initial model.

    Reference:
        He, Yuan, Gu (2024), Accelerated Preference Optimization for Large Language Model Alignment.
    """

    id = "nesterov"

    reference_rate: Annotated[float, Ge(0), Lt(1), "extrapolation factor, in units of the last change"] = 0.1

    def begin(self, policy: nn.Module) -> None:
        """Store the initial weights."""
        self.learned = _copy(policy)

    @torch.no_grad()
    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        """Extrapolate the policy, and copy it."""
        learned = _copy(policy)
        for name, weight in policy.named_parameters():
            if name in learned:
                weight.add_(learned[name] - self.learned[name], alpha=self.reference_rate)
        self.learned = learned
        if reference is not None:
            blend(reference, policy, 1.0)

    def state_dict(self) -> dict[str, Any]:
        """The weights after the last round."""
        return self.learned

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the weights, each on its device."""
        self.learned = {name: state[name].to(weight.device) for name, weight in self.learned.items()}


class Extrapolated(ReferenceUpdate):
    """The last policy, extrapolated in log-probabilities: log π_ref = (1 + rate) log π̂_k − rate log π̂_{k−1}.

    The same acceleration as ``nesterov``, exact for any model where the loss reads differences of the reference's
    log-probabilities of two responses alone, as those of ``dpo`` and ``ipo`` do: the normaliser cancels. The policy is
    not moved; samples are those of π̂_k.

    Reference:
        He, Yuan, Gu (2024), Accelerated Preference Optimization for Large Language Model Alignment, eq. 4.3.
    """

    id = "extrapolated"
    looks_back = True

    reference_rate: Annotated[float, Ge(0), Lt(1), "extrapolation factor, in units of the last change"] = 0.1

    def advance(self, policy: nn.Module, reference: nn.Module | None) -> None:
        """The copy behind takes the reference's weights, and the reference those of the policy."""
        if reference is not None:
            if self.behind is not None:
                blend(self.behind, reference, 1.0)
            blend(reference, policy, 1.0)

    def state_dict(self) -> dict[str, Any]:
        """The weights of the copy behind."""
        return {} if self.behind is None else dict(self.behind.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        if self.behind is not None:
            self.behind.load_state_dict(state)


def find_reference_update(name: str) -> type[ReferenceUpdate]:
    """The class of a reference update.

    Args:
        name: a value of the recipe's ``reference``.

    Raises:
        ConfigurationError: there is no such update; for a former name, the message gives the new one.

    Example:
        >>> find_reference_update("moving")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: reference: There is no reference update 'moving'. It is called 'ema' here.
    """
    if name in FORMER_NAMES:
        raise ConfigurationError(
            f"There is no reference update {name!r}. It is called {FORMER_NAMES[name]!r} here.", where="reference"
        )
    return REFERENCE_UPDATES.get(name, "reference")


def build_reference_update(name: str, rate: float, policy: nn.Module | None = None) -> ReferenceUpdate:
    """Build the update that a recipe names.

    Args:
        name: one of `REFERENCE_UPDATES`.
        rate: the recipe's ``reference_rate``, for updates that use it.
        policy: at its initial weights; without it, call ``begin(policy)`` later.

    Raises:
        ConfigurationError: there is no such update, or its rate is out of range.

    Example:
        >>> build_reference_update("ema", 0.25).settings
        {'reference_rate': 0.25}
        >>> build_reference_update("ema", 0.0)
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: reference update ema: 'reference_rate' is 0.0 (float), expected float ...
    """
    kind = find_reference_update(name)
    settings = (
        {"reference_rate": rate} if any(each.name == "reference_rate" for each in kind.declared_settings()) else {}
    )
    update = kind(**settings)
    if policy is not None:
        update.begin(policy)
    return update


def _copy(model: nn.Module) -> State:
    """The weights that can move: all of a model, or those of its adapter."""
    adapted = has_adapter(model)
    return {
        name: weight.detach().clone()
        for name, weight in model.named_parameters()
        if weight.requires_grad or not adapted
    }


@torch.no_grad()
def blend(target: nn.Module, source: nn.Module, share: float) -> None:
    """target ← (1 − share) target + share source; buffers are copied.

    Args:
        target: changed in place.
        source: a model of the same form.
        share: in (0, 1].
    """
    given = dict(source.named_parameters())
    for name, weight in target.named_parameters():
        if weight is given[name]:  # of a model that both adapters are on
            continue
        # Copied and not mixed if the share is 1: (1 − 1) · x + y is not y for an infinite x.
        weight.copy_(given[name]) if share == 1.0 else weight.lerp_(given[name], share)
    buffers = dict(source.named_buffers())
    for name, buffer in target.named_buffers():
        buffer.copy_(buffers[name])
