"""Opponents: who else answers a prompt, besides the policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt
from torch import nn

from penchant.errors import ConfigurationError
from penchant.feedback.records import Comparison, Demonstration, Record, as_text
from penchant.generation.beside import Beside
from penchant.generation.engines import Engine
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Response, Sampling
from penchant.named import Named
from penchant.online.trees import POLICY
from penchant.registry import Registry

__all__ = ["OPPONENTS", "POLICY", "Checkpoint", "Mixture", "NoOpponent", "Opponent", "RecordResponse"]

#: All opponents by name.
OPPONENTS: Registry[type[Opponent]] = Registry("opponent")

#: From the name of a checkpoint to its model; None if there is no frozen copy of it.
Models = Callable[[str], nn.Module | None]


class Opponent(Named, ABC):
    """Gives further responses to each prompt, which stand after those of the policy; a subclass implements ``answers``.

    Args:
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "opponent"
    registry = OPPONENTS
    #: Whether the policy has an opponent at all.
    present: ClassVar[bool] = True
    #: Whether it answers with responses of the records.
    demonstrated: ClassVar[bool] = False

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints that it samples from."""
        return ()

    @abstractmethod
    def answers(
        self, records: Sequence[Record], engine: Engine, models: Models, policy: Any, sampling: Sampling, *, seed: int
    ) -> list[list[Response]]:
        """Its responses to each of several prompts.

        Args:
            records: the prompts.
            engine: samples; it is given back with the policy in it.
            models: finds the checkpoints.
            policy: the model in training.
            sampling: how the policy samples.
            seed: of the sampling.
        """


class NoOpponent(Opponent):
    """The policy alone answers."""

    id = "none"
    present = False

    def answers(
        self, records: Sequence[Record], engine: Engine, models: Models, policy: Any, sampling: Sampling, *, seed: int
    ) -> list[list[Response]]:
        """No responses."""
        return [[] for _ in records]


class RecordResponse(Opponent):
    """The response in the record, such as that of a teacher; a record without one has no opponent.

    With ``both``, the chosen and the rejected response of a comparison.
    """

    id = "record"
    demonstrated = True

    both: Annotated[bool, "give both responses of a comparison, the chosen one first"] = False

    def answers(
        self, records: Sequence[Record], engine: Engine, models: Models, policy: Any, sampling: Sampling, *, seed: int
    ) -> list[list[Response]]:
        """The responses with their end tokens."""
        found: list[list[Response]] = []
        for record in records:
            if not isinstance(record, Comparison | Demonstration):
                found.append([])
                continue
            said = [record.chosen, record.rejected] if isinstance(record, Comparison) else [record.completion]
            tokens = [(each, engine.response_tokens(record.prompt, each)) for each in said[: 1 + self.both]]
            found.append([Response(as_text(each), tuple(own.ids), True, own.learned) for each, own in tokens])
        return found


class _Sampled(Opponent):
    """Base class: an opponent that samples from a checkpoint."""

    samples: Annotated[int, Gt(0), "responses of the opponent to each prompt"] = 1
    checkpoint: Annotated[
        Literal["initial", "before"], "the model that the run starts from, or the policy of the round before"
    ] = "initial"

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoint."""
        return (self.checkpoint,)

    def _model(self, models: Models, engine: Engine) -> tuple[nn.Module, InProcessEngine]:
        found = models(self.checkpoint)
        if found is None or not isinstance(engine, InProcessEngine):
            what = "is the policy with its adapter switched off" if found is None else f"is not one of {engine.id!r}"
            raise ConfigurationError(
                f"The opponent {self.id!r} samples from a frozen copy of the model, but the model {what}.",
                where="opponent",
                fix="Give a model without an adapter, and the engine transformers.",
            )
        return found, engine


class Checkpoint(_Sampled):
    """Another checkpoint of the run: the model that it starts from, or the policy of the round before."""

    id = "checkpoint"

    def answers(
        self, records: Sequence[Record], engine: Engine, models: Models, policy: Any, sampling: Sampling, *, seed: int
    ) -> list[list[Response]]:
        """Samples of the checkpoint."""
        model, held = self._model(models, engine)
        held.use(model)
        try:
            return held.sample([each.prompt for each in records], replace(sampling, samples=self.samples), seed=seed)
        finally:
            held.use(policy)


class Mixture(_Sampled):
    """The log-linear mixture of the policy and a checkpoint, token by token."""

    id = "mixture"

    share: Annotated[float, Ge(-1), "weight of the checkpoint; 0 is the policy, 1 the checkpoint"] = 0.5

    def answers(
        self, records: Sequence[Record], engine: Engine, models: Models, policy: Any, sampling: Sampling, *, seed: int
    ) -> list[list[Response]]:
        """Samples of the mixture."""
        model, held = self._model(models, engine)
        held.beside = Beside(model, self.share)
        try:
            return held.sample([each.prompt for each in records], replace(sampling, samples=self.samples), seed=seed)
        finally:
            held.beside = None
