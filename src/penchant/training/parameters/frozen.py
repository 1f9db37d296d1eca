"""`Frozen`, the base of strategies that freeze whole tensors, and `Freeze`, which does so by pattern."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

from torch import nn

from penchant.errors import CheckpointError, ConfigurationError
from penchant.training.devices.processes import Processes
from penchant.training.parameters.names import nearest_weight
from penchant.training.parameters.strategy import Start, Strategy

__all__ = ["Freeze", "Frozen", "trained_weights"]


def trained_weights(start: Start) -> dict[str, nn.Parameter]:
    """The weights that would move without a strategy, by name; tied weights have one name.

    Args:
        start: the run.
    """
    return {name: each for name, each in start.model.named_parameters() if each.requires_grad}


class Frozen(Strategy):
    """Freezes whole tensors. They have no gradient, and the optimizer holds no state for them."""

    #: Weights by name that would move without the strategy.
    candidates: dict[str, nn.Parameter]
    #: Names of those that move.
    moving: set[str]

    @abstractmethod
    def choose(self, start: Start) -> set[str]:
        """Names of the tensors that move, out of `trained_weights`."""

    def check(self, start: Start) -> None:
        """See `Strategy.check`.

        Raises:
            ConfigurationError: nothing would move.
        """
        super().check(start)
        if not self.choose(start) and not any(True for _each in start.objective.parameters()):
            raise ConfigurationError(
                f"parameters={self.id} freezes all weights of the model, so nothing would be trained.",
                where="parameters",
                fix="Freeze fewer weights.",
            )

    def prepare(self, start: Start) -> None:
        """See `Strategy.prepare`."""
        self.candidates = trained_weights(start)
        self.move(self.choose(start))

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """See `Strategy.resume`.

        Raises:
            CheckpointError: the names are of another model.
        """
        self.candidates = trained_weights(start)
        moving = set(state.get("moving", ()))
        if not moving <= self.candidates.keys() or "moving" not in state:
            raise CheckpointError(
                "The weights that the checkpoint says to move are not those of this model.",
                fix="Start again with --overwrite, or restore the checkpoint.",
            )
        self.move(moving)

    def move(self, names: set[str]) -> None:
        """Let the named tensors move, and freeze the other candidates.

        Args:
            names: of `candidates`.
        """
        self.moving = names
        for name, weight in self.candidates.items():
            weight.requires_grad_(name in names)
            if name not in names:
                weight.grad = None

    def after_backward(self) -> None:
        """See `Strategy.after_backward`.

        PEFT lets all weights of an adapter move again after it was switched off for the reference, and several
        processes wait for the gradient of every weight that moved at the start; so frozen weights may have gradients.
        """
        for name in self.candidates.keys() - self.moving:
            self.candidates[name].grad = None

    def state(self) -> dict[str, Any]:
        """See `Strategy.state`."""
        return {"moving": sorted(self.moving)}

    def facts(self) -> dict[str, Any]:
        """See `Strategy.facts`."""
        size = sum(each.numel() for each in self.candidates.values())
        moving = sum(self.candidates[name].numel() for name in self.moving)
        return {"trained_parameters": moving, "trained_share": moving / size}


class Freeze(Frozen):
    """Freezes the weights whose names match a pattern, or all others.

    Patterns match whole names, ``*`` stands for any text: ``model.layers.0.*``, ``*.mlp.*``. Exactly one of ``frozen``
    and ``trained`` is given.
    """

    id = "freeze"
    why_no_adapter = ""

    frozen: Annotated[list[str] | None, "patterns of the names of weights that stay; all others move"] = None
    trained: Annotated[list[str] | None, "patterns of the names of weights that move; all others stay"] = None

    def check_recipe(self, recipe: Any, processes: Processes) -> None:
        """See `Strategy.check_recipe`.

        Raises:
            ConfigurationError: not exactly one of the lists is given.
        """
        super().check_recipe(recipe, processes)
        if bool(self.frozen) == bool(self.trained):
            raise ConfigurationError(
                "parameters=freeze needs a list of patterns: frozen, or trained, and not both.",
                where="parameters",
                fix="Give for example parameters: {name: freeze, frozen: ['*.embed_tokens.*']}.",
            )

    def choose(self, start: Start) -> set[str]:
        """See `Frozen.choose`.

        Raises:
            ConfigurationError: a pattern matches nothing.
        """
        names = trained_weights(start)
        patterns = self.frozen or self.trained or []
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise ConfigurationError(
                    f"No trained weight has a name like {pattern!r}. {nearest_weight(pattern, names)}",
                    where=f"parameters.{'frozen' if self.frozen else 'trained'}",
                    fix="Use the names of `model.named_parameters()`, with * for any text.",
                )
        matched = {name for name in names if any(fnmatchcase(name, each) for each in patterns)}
        return names.keys() - matched if self.frozen else matched
