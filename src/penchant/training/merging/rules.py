"""`MergeRule`, the interface of how tensors of several models become one, and the registry of rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.named import Named
from penchant.registry import Registry
from penchant.training.merging.values import Difference, Values

__all__ = ["MERGES", "MergeRule", "Tensors"]

#: All ways of merging by name.
MERGES: Registry[type[MergeRule]] = Registry("merging method", "penchant.training.merging")


@dataclass(frozen=True)
class Tensors:
    """The same tensor of all models.

    Args:
        models: of each model to merge.
        base: of the model that they were tuned from, if it is given.
        name: of the tensor.
        depth: where its layer lies, from 0 (first) to 1 (last); None outside of layers.
    """

    models: Sequence[Values]
    base: Values | None = None
    name: str = ""
    depth: float | None = None

    def task_vectors(self) -> list[Values]:
        """Each model minus the base; the models themselves without one, as for tensors that are differences already."""
        return [each if self.base is None else Difference(each, self.base) for each in self.models]


class MergeRule(Named, ABC):
    """A way to make one model of several of the same architecture, tensor by tensor.

    A subclass with an ``id`` is registered under it, and its annotated fields are its settings.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such setting, or a value has the wrong type or is out of range.
    """

    kind = "merging method"
    registry = MERGES
    setting_word = "setting"
    #: Whether the model is needed from which the others were tuned.
    needs_base: ClassVar[bool] = False
    #: The fewest models, and the most, if there is a limit.
    least: ClassVar[int] = 2
    most: ClassVar[int | None] = None

    @abstractmethod
    def merged(self, tensors: Tensors) -> Iterator[Tensor]:
        """The merged tensor, part by part.

        Args:
            tensors: of all models, of equal sizes.
        """

    def check(self, models: int, has_base: bool) -> None:
        """Refuse a number of models, or a missing base, before anything is read.

        Args:
            models: how many are merged.
            has_base: whether the base is given.

        Raises:
            ConfigurationError: it is refused.
        """
        if models < self.least or (self.most is not None and models > self.most):
            wanted = f"{self.least}" if self.most == self.least else f"at least {self.least}"
            raise ConfigurationError(
                f"{self.id} merges {wanted} models, and {models} {'is' if models == 1 else 'are'} given.",
                where="models",
                fix=f"Give {wanted} model folders.",
            )
        if self.needs_base and not has_base:
            raise ConfigurationError(
                f"{self.id} needs the model from which the others were tuned.",
                where="base",
                why="It merges what each tuning changed.",
                fix="Give it with --base FOLDER.",
            )
        weights = getattr(self, "weights", None)
        if weights is not None and len(weights) != models:
            raise ConfigurationError(
                f"{len(weights)} weights are given for {models} models.",
                where="weights",
                fix="Give one for each model.",
            )

    def _weights(self, count: int, default: float = 1.0) -> list[float]:
        given: Any = getattr(self, "weights", None)
        return [default] * count if given is None else [float(each) for each in given]
