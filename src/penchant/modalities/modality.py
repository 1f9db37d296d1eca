"""A modality: everything of a run that depends on what responses are made of, in one place.

Training, measuring and the objectives are written once; they ask the modality for an encoder, a scorer, samples, and a
saved model, and never which modality it is. A new one is one class that says which models it recognises.
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
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.registry import Registry

__all__ = ["MODALITIES", "Modality", "find_modality"]

#: Every modality by name.
MODALITIES: Registry[type[Modality]] = Registry("modality", "penchant.modalities")


class Modality(ABC):
    """What responses are made of, for one run. Defining a subclass with a ``name`` registers it.

    Args:
        settings: the run's recipe.
        model: a model in memory, or None to load the recipe's.
        tokenizer: given in memory, or None.
    """

    name: ClassVar[str] = ""
    #: The hub's metadata of a saved model.
    card: ClassVar[dict[str, str]] = {}
    #: What work is counted in, as by the scorer.
    unit: ClassVar[str] = ""
    #: The reference that several runs of one model can share most of: ``cached`` where its numbers can be kept.
    shared_reference: ClassVar[str] = "cached"
    #: The tokenizer that a result holds next to the model.
    tokenizer: Any = None
    #: Most units of a sequence, where there is such a limit.
    max_length: int | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        MODALITIES.add(cls.name, cls)

    def __init__(self, settings: Any, model: Any = None, tokenizer: Any = None) -> None:
        self.settings, self.given = settings, model

    @classmethod
    @abstractmethod
    def recognises(cls, source: str, model: Any) -> bool:
        """Whether a folder or hub id, or a model in memory, is of this modality. It must not load anything."""

    @classmethod
    def check_given(cls, tokenizer: Any) -> None:
        """Refuse a model in memory that something is missing for.

        Raises:
            ConfigurationError: what is missing.
        """
        return  # most modalities need only the model

    @abstractmethod
    def encoder(self, objective: Objective) -> RecordEncoder:
        """What turns records into the examples that the objective asks for."""

    @abstractmethod
    def load(self, device: torch.device) -> nn.Module:
        """The policy, on a device, with an adapter where the recipe asks for one."""

    @abstractmethod
    def scorer(self, policy: nn.Module) -> Scorer[Any]:
        """What scores responses with the policy."""

    def engine(self, settings: Mapping[str, Any], max_new_tokens: int) -> Engine:
        """What draws responses in online training, before the policy is loaded; its method ``use`` takes the policy.

        Args:
            settings: the recipe's ``engine``: name and keys.
            max_new_tokens: most tokens of a response.

        Raises:
            ConfigurationError: there is no engine for this modality, or no such name or key.
        """
        raise ConfigurationError(
            f"The responses of this model are {self.name}, and there is no engine that samples them for online "
            "training yet.",
            where="model",
            fix="Give a language model, or train on a fixed data set with `penchant train`.",
        )

    @abstractmethod
    def sample(self, scorer: Scorer[Any], prompts: Sequence[Any]) -> Any:
        """Responses to prompts, to be shown in the report; their ``mean_length`` is watched."""

    @abstractmethod
    def shown(self, folder: Path, prompts: Sequence[Any], before: Any, after: Any) -> list[dict[str, Any]]:
        """The rows of ``samples.json``; images are written into the folder."""

    @abstractmethod
    def examine(self, train: Feedback, other: Feedback | None) -> Diagnosis:
        """The checks of ``penchant data check`` on the training data, and on held-out data with it.

        It loads no model: a run checks its data first.
        """

    @abstractmethod
    def save(self, policy: nn.Module, folder: Path, adapter: Path) -> Any:
        """Save the policy where others can load it.

        Returns:
            The model that was saved.
        """

    @abstractmethod
    def estimate(self, largest: int) -> tuple[str, dict[str, str]]:
        """The model in words, and further facts for a dry run whose largest micro-batch has so many units."""


def find_modality(name: str | None, source: str, model: Any = None) -> type[Modality]:
    """The modality of a model.

    Args:
        name: given outright, or None to be recognised.
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
    # Text is what a model is where nothing shows otherwise: its own errors name what is wrong with a folder.
    return next((each for each in MODALITIES.things() if each.recognises(source, model)), MODALITIES.get("text"))
