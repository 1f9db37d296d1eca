"""`Modality`, the interface for everything in a run that depends on the type of responses (text, images).

Training, evaluation and objectives are written once against it: they request an encoder, a scorer, samples and a saved
model. A new modality is one subclass, which recognises its models.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from penchant.checks.diagnosis import Diagnosis
from penchant.errors import ConfigurationError
from penchant.feedback.collection import Feedback
from penchant.forest.record_encoder import RecordEncoder
from penchant.generation.engines import Engine
from penchant.likelihood.core import has_adapter
from penchant.likelihood.masters import as_stored, make_masters
from penchant.likelihood.number_types import forward_type, warn_of_stored
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.registry import Registry

__all__ = ["MODALITIES", "Estimate", "Modality", "Sizes", "find_modality", "told", "unit_of"]

log = logging.getLogger("penchant")

#: Every modality by name.
MODALITIES: Registry[type[Modality]] = Registry("modality", "penchant.modalities")


# Rounding that keeps less of what was trained is reported.
HELD = 0.9


@dataclass(frozen=True)
class Sizes:
    """What of the data is in memory at a time, in the modality's units.

    Args:
        largest: size of the largest micro-batch of a process.
        measured: size of the held-out data.
        scored: examples of that micro-batch whose probabilities are read; None if they are not known.
    """

    largest: int
    measured: int = 0
    scored: Sequence[Any] | None = None


@dataclass(frozen=True)
class Estimate:
    """What a run takes.

    Args:
        model: a description of the model.
        parts: bytes by purpose, on one device.
        total: the peak of one device, bytes; parts that are not needed at the same time are not added.
        facts: further facts for a dry run.
    """

    model: str
    parts: dict[str, float]
    total: float
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def memory(self) -> str:
        """The parts and the peak as one line."""
        _, unit, digits = unit_of(self.total)
        parts = ", ".join(f"{part} {size / unit:.{digits}f}" for part, size in self.parts.items())
        return f"{parts}; about {told(self.total)} at the peak"


def unit_of(size: float) -> tuple[str, int, int]:
    """The unit in which a size is told: its name, its bytes, and the digits behind the point.

    Example:
        >>> unit_of(3 * 2**30), unit_of(40 * 2**20)
        (('GiB', 1073741824, 2), ('MiB', 1048576, 0))
    """
    return ("GiB", 2**30, 2) if size >= 2**30 else ("MiB", 2**20, 0)


def told(size: float) -> str:
    """A size in its unit.

    Example:
        >>> told(3 * 2**30), told(40 * 2**20)
        ('3.0 GiB', '40 MiB')
    """
    name, unit, digits = unit_of(size)
    return f"{size / unit:.{max(0, digits - 1)}f} {name}"


class Modality(ABC):
    """The modality of one run. Defining a subclass with a ``name`` registers it.

    Args:
        settings: the run's recipe.
        model: a model in memory, or None to load the recipe's.
        tokenizer: a tokenizer in memory, or None.
    """

    name: ClassVar[str] = ""
    #: Metadata of the model card of a saved model.
    card: ClassVar[dict[str, str]] = {}
    #: The scorer's unit of work: ``tokens``, ``images``.
    unit: ClassVar[str] = ""
    #: The scorer's units of work per forward pass without gradient.
    measured_at_once: ClassVar[int] = 0
    #: The kind of reference that lets runs of one model share the most work: ``cached`` if the modality has a cache.
    shared_reference: ClassVar[str] = "cached"
    #: Whether `answers` gives texts, which a judge can compare.
    answers_in_text: ClassVar[bool] = False
    #: The tokenizer that is returned with the model.
    tokenizer: Any = None
    #: Maximum length of a sequence in units, or None.
    max_length: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        MODALITIES.add(cls.name, cls)

    def __init__(self, settings: Any, model: Any = None, tokenizer: Any = None) -> None:
        self.settings, self.given = settings, model

    @cached_property
    def stored(self) -> str | None:
        """The number type in which the weights are stored, such as ``bfloat16``; None if it is unknown."""
        return None

    @cached_property
    def precision(self) -> str | None:
        """The number type in which autocast computes the forward pass, or None without autocast."""
        cpu = self.settings.device == "cpu" or not torch.accelerator.is_available()
        device = torch.device("cpu") if cpu else torch.accelerator.current_accelerator()
        assert device is not None
        return forward_type(self.stored, self.settings.weights, self.settings.precision, device)

    def with_masters(self, policy: nn.Module) -> nn.Module:
        """The policy, its trained weights in float32 unless the recipe says ``weights: stored``."""
        stored = self.stored  # found out before a model in memory is changed
        if self.settings.weights == "float32":
            make_masters(policy)
        else:
            warn_of_stored(stored, has_adapter(policy))
        return policy

    def rounded(self, policy: nn.Module) -> None:
        """Round the policy's masters to the stored type before it is saved; says where that loses much."""
        held = as_stored(policy)
        if held < HELD:
            log.warning(
                "The steps of this run are small for %s, in which the model is saved: rounding keeps %.0f %% of what "
                "the weights learned. The figures of this run are those before rounding. Train longer or with a larger "
                "learning rate, or convert the model to float32 first.",
                self.stored or "the stored number type",
                100 * max(held, 0.0),
            )

    @classmethod
    @abstractmethod
    def recognises(cls, source: str, model: Any) -> bool:
        """Whether a folder or hub id, or a model in memory, is of this modality; must not load anything."""

    @classmethod
    def check_given(cls, tokenizer: Any) -> None:
        """Check that everything a model in memory needs is given.

        Raises:
            ConfigurationError: something is missing.
        """
        return  # most modalities need only the model

    @abstractmethod
    def encoder(self, objective: Objective) -> RecordEncoder:
        """The encoder that turns records into the examples that the objective needs."""

    @abstractmethod
    def load(self, device: torch.device) -> nn.Module:
        """The policy, on a device, with an adapter if the recipe has one."""

    def named_reference(self, named: Any, given: Any, device: torch.device) -> Reference[Any, Any]:
        """The reference that a recipe names as another model, before its ``prepare`` is called.

        Args:
            named: the recipe's ``reference``, with model, adapter and whether it is cached.
            given: the reference model in memory, or None to load it.
            device: the device of the model.

        Raises:
            ConfigurationError: the modality has no such reference.
        """
        raise ConfigurationError(
            f"A reference that is another model is not available for {self.name}.",
            where="reference",
            fix="Remove reference, or choose initial or none.",
        )

    @abstractmethod
    def scorer(self, policy: nn.Module) -> Scorer[Any]:
        """The scorer of responses under the policy."""

    def engine(self, settings: Mapping[str, Any], max_new_tokens: int) -> Engine:
        """The engine for online training, built before the policy is loaded; its method ``use`` takes the policy.

        Args:
            settings: the recipe's ``engine``: name and keys.
            max_new_tokens: maximum number of tokens per response.

        Raises:
            ConfigurationError: there is no engine for this modality, or no such name or key.
        """
        raise ConfigurationError(
            f"Online training does not support the modality {self.name!r}: it has no engine.",
            where="model",
            fix="Use a language model, or train on a fixed data set with `penchant train`.",
        )

    @abstractmethod
    def sample(self, scorer: Scorer[Any], prompts: Sequence[Any]) -> Any:
        """Sampled responses to prompts for the report; alarms watch their ``mean_length``."""

    def answers(
        self, scorer: Scorer[Any], prompts: Sequence[Any], *, max_new_tokens: int, temperature: float
    ) -> list[str]:
        """One sampled response to each prompt, with the recipe's seed; global random states stay as they are.

        Args:
            scorer: the model that answers.
            prompts: texts or conversations.
            max_new_tokens: maximum number of tokens of a response.
            temperature: of sampling; 0 means greedy decoding.

        Raises:
            ConfigurationError: responses of this modality are no texts.
        """
        raise ConfigurationError(
            f"Sampled responses of the modality {self.name!r} cannot be judged: they are no texts.",
            where="eval",
            fix="Remove eval.",
        )

    @abstractmethod
    def shown(self, folder: Path, prompts: Sequence[Any], before: Any, after: Any) -> list[dict[str, Any]]:
        """The rows of ``samples.json``; image files are written into the folder."""

    @abstractmethod
    def examine(self, train: Feedback, other: Feedback | None) -> Diagnosis:
        """Run the checks of ``penchant data check`` on the training data, with the held-out data as the other split.

        Must not load a model: a run checks its data first.
        """

    @abstractmethod
    def save(self, policy: nn.Module, folder: Path, adapter: Path) -> Any:
        """Save the policy in the format of its library.

        Returns:
            The saved model.
        """

    def save_reward(self, model: Any, objective: Objective, folder: Path) -> None:  # noqa: B027  # of texts alone
        """Turn a saved model into a reward model, with the objective's head.

        Args:
            model: what `save` returned.
            objective: with a ``reward_head``.
            folder: where the model was saved.
        """

    @abstractmethod
    def save_settings(self, policy: nn.Module, folder: Path) -> None:
        """Save what `save` saves, without weights: configuration, generation settings, tokenizer.

        A run does this before it trains, so that settings which the library refuses are found at once.

        Args:
            policy: the loaded policy, not changed.
            folder: created if it is not there.
        """

    def check_files(self) -> None:  # noqa: B027  # a pipeline is loaded whole before its data are encoded
        """Check that the model's weights are there, without loading them.

        Raises:
            ModelError: they are missing or in another format.
        """

    def origin(self) -> dict[str, str]:
        """Fingerprints of what the result depends on besides model and data, by the names that messages use."""
        return {}

    @abstractmethod
    def estimate(self, sizes: Sizes, *, needs_reference: bool, processes: int = 1) -> Estimate:
        """The memory of the run, and a description of the model, before its weights are loaded.

        Args:
            sizes: what is in memory at a time.
            needs_reference: whether the objective compares with a reference.
            processes: number of processes that weights, gradients and optimizer are sharded over.
        """


def find_modality(name: str | None, source: str, model: Any = None) -> type[Modality]:
    """The modality of a model.

    Args:
        name: the modality's name, or None to detect it.
        source: the model's folder or hub id.
        model: a model in memory, or None.

    Raises:
        ConfigurationError: the name is unknown.

    Example:
        >>> find_modality(None, "no-such-folder").name
        'text'
    """
    if name is not None:
        return MODALITIES.get(name, where="modality")
    # Text is the default; loading a text model reports what is wrong with a folder.
    return next((each for each in MODALITIES.things() if each.recognises(source, model)), MODALITIES.get("text"))
