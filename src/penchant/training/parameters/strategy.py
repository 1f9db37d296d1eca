"""`Strategy`, the interface of which weights move in a run; it knows nothing of the objective's formula."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from penchant.errors import ConfigurationError
from penchant.forest.supply import Supply
from penchant.likelihood.core import has_adapter
from penchant.likelihood.scorer import Scorer
from penchant.named import Named, build_named
from penchant.objectives.core.objective import Objective
from penchant.registry import Registry
from penchant.training.devices.processes import Processes

__all__ = ["PARAMETERS_FILE", "STRATEGIES", "Start", "Strategy", "build_strategy"]

#: Where a checkpoint holds the state of a strategy.
PARAMETERS_FILE = "parameters.pt"

#: All strategies by name.
STRATEGIES: Registry[type[Strategy]] = Registry("parameter strategy", "penchant.training.parameters")

# Optimizers that make the state of all weights at once, and cannot do without it later.
EAGER = ("adagrad",)


@dataclass(frozen=True)
class Start:
    """What a strategy sees before the first step.

    Args:
        scorer: the policy at its initial weights.
        supply: the encoded training data.
        objective: the run's objective.
        batch_size: examples per step.
        parts: micro-batches per step.
        autocast: a context in the number type of the forward pass.
        seed: of the run.
        epochs: for each step of the run, the number of passes over the data completed at its end.
        reference: of the run.
        loader: makes this process's micro-batches from the run's first step on, each as ``{"batch": ...}``.
        processes: number of the run's processes.
        total: the sum of a tensor over all processes.
    """

    scorer: Scorer[Any]
    supply: Supply
    objective: Objective
    batch_size: int
    parts: int
    autocast: Callable[[], AbstractContextManager[Any]]
    seed: int
    epochs: Sequence[float] = ()
    reference: Any = None
    loader: Callable[[], Iterable[Any]] = tuple
    processes: int = 1
    total: Callable[[torch.Tensor], torch.Tensor] = lambda each: each

    @property
    def model(self) -> nn.Module:
        """The policy."""
        return self.scorer.model


class Strategy(Named, ABC):
    """Which weights move, and how; independent of the objective.

    A subclass with an ``id`` is registered under it, and its annotated fields are the keys of the recipe's
    ``parameters``. A run calls, in this order: `check_recipe` before anything is loaded, `check` when the model is
    loaded, `prepare` (or `resume`) before the optimizer is made, then `before_step`, `after_backward` and `after_step`
    in every step, `state` for each checkpoint, and `save` and `facts` at the end.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "parameter strategy"
    registry = STRATEGIES
    #: Whether weights begin or cease to move during the run, with a fresh state of the optimizer.
    changes: ClassVar[bool] = False
    #: Why the strategy does not choose among the weights of an adapter; empty if it does.
    why_no_adapter: ClassVar[str] = "It chooses among the model's own weights, and an adapter leaves these as they are."
    #: Whether `switched_off` gives the model of the start, so that a reference needs no copy of it.
    undoes: ClassVar[bool] = False
    #: Number of parts of the run; the schedule of learning rates begins anew in each.
    parts: ClassVar[int] = 1

    @property
    def starts_equal(self) -> bool:
        """Whether the policy computes at its first step what it computed before `prepare`."""
        return True

    def check_recipe(self, recipe: Any, processes: Processes) -> None:
        """Refuse a run that the strategy does not support, as the recipe describes it.

        Args:
            recipe: the run.
            processes: of the run.

        Raises:
            ConfigurationError: the run trains an adapter that the strategy cannot choose in, or divides its weights
                over processes.
        """
        if self.why_no_adapter and (recipe.lora is not None or recipe.adapter is not None):
            raise self._refused(
                "an adapter is trained", "lora", "Remove lora and adapter, or remove parameters.", self.why_no_adapter
            )
        if processes.count > 1 and processes.strategy != "ddp":
            raise self._refused(
                f"weights are divided over processes ({processes.strategy})",
                "strategy",
                "Use strategy=ddp, where every process has all weights, or remove parameters.",
            )
        if self.changes and recipe.optimizer in EAGER:
            fix = "Use optimizer=adamw_torch_fused."
            raise self._refused(f"{recipe.optimizer} keeps a state of all weights from the start", "optimizer", fix)

    def check(self, start: Start) -> None:
        """Refuse a model or data that the strategy does not support, before anything is measured.

        Raises:
            ConfigurationError: the model has an adapter, or is not a language model.
        """
        if self.why_no_adapter and has_adapter(start.model):
            raise self._refused("the model has an adapter", "model", "Merge the adapter into its base first.")
        if start.scorer.unit != "tokens":
            raise self._refused("the model is not a language model", "model", "Remove parameters.")

    def prepare(self, start: Start) -> None:
        """Decide which weights move; the model may be changed."""

    def resume(self, start: Start, state: Mapping[str, Any]) -> None:
        """Restore what `prepare` decided; the weights themselves come from the checkpoint.

        Args:
            start: with the model as the run began.
            state: of a checkpoint.
        """

    def before_step(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """Change which weights move, before the forward pass of a step.

        Args:
            step: steps done before this one.
            optimizer: whose state of weights that no longer move is to be dropped.
        """

    def after_backward(self) -> None:
        """Change the gradients of a whole step, before they are clipped."""

    def after_step(self) -> None:
        """Change the weights after the optimizer's step."""

    def switched_off(self) -> AbstractContextManager[None]:
        """A context in which the model computes what it computed before `prepare`; for those that say so."""
        return nullcontext()

    def state(self) -> dict[str, Any]:
        """What `resume` needs; tensors and plain values."""
        return {}

    def save(self, folder: Path) -> None:
        """Write what is kept of the strategy beside the model, at the end of a run.

        Args:
            folder: of the run.
        """

    def facts(self) -> dict[str, Any]:
        """For the summary: ``trained_parameters`` and what else is worth a line."""
        return {}

    def _refused(self, what: str, where: str, fix: str, why: str | None = None) -> ConfigurationError:
        return ConfigurationError(f"parameters={self.id} does not work where {what}.", where=where, why=why, fix=fix)


def build_strategy(part: Mapping[str, Any] | None) -> Strategy | None:
    """The strategy of a recipe, or None if all weights move.

    Args:
        part: the recipe's ``parameters``.

    Raises:
        ConfigurationError: there is no such strategy or key, or a value is out of range.
    """
    return None if part is None else build_named(STRATEGIES, part, "parameters")
