"""`Modality`, the interface for everything in a run that depends on the type of responses (text, images).

Training, evaluation and objectives are written once against it: they request an encoder, a scorer, samples and a saved
model. A new modality is one subclass, which recognises its models.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from penchant.checks.diagnosis import Diagnosis
from penchant.errors import ConfigurationError
from penchant.feedback.collection import Feedback
from penchant.forest.encoding import RecordEncoder
from penchant.generation.engines import Engine
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.registry import Registry

__all__ = ["MODALITIES", "Modality", "find_modality"]

#: Every modality by name.
MODALITIES: Registry[type[Modality]] = Registry("modality", "penchant.modalities")


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
    #: The tokenizer that is returned with the model.
    tokenizer: Any = None
    #: Maximum length of a sequence in units, or None.
    max_length: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        MODALITIES.add(cls.name, cls)

    def __init__(self, settings: Any, model: Any = None, tokenizer: Any = None) -> None:
        self.settings, self.given = settings, model

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

    @abstractmethod
    def estimate(self, largest: int) -> tuple[str, dict[str, str]]:
        """A description of the model and further estimates for a dry run.

        Args:
            largest: size of the largest micro-batch, in units.
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
