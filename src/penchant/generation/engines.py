"""`Engine`, the base class of engines, which sample responses from a model in this process or on a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from penchant.feedback.records import Record, Text
from penchant.generation.registry import ENGINES
from penchant.generation.responses import Response, Sampling
from penchant.named import Named
from penchant.rendering.renderer import Renderer, ResponseTokens

__all__ = ["Engine", "SaveWeights"]

#: Saves the policy into a folder; the second argument says whether as an adapter alone.
SaveWeights = Callable[[Path, bool], None]


class Engine(Named, ABC):
    """Samples responses to prompts; a subclass implements ``sample``.

    A subclass with an ``id`` is registered under it, and its annotated fields are the keys of the recipe's ``engine``.

    Args:
        renderer: renders prompts as in training, and turns texts into tokens.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "engine"
    registry = ENGINES
    #: Whether it samples from the model in training; False for an engine with its own weights.
    follows_policy: ClassVar[bool] = True
    #: Whether the policy's weights are sent to it before each round.
    updated: bool = False
    #: Whether responses are drawn at random from the distribution that the settings of sampling describe.
    draws: ClassVar[bool] = True
    #: Approximate number of responses to request per call of `sample`.
    at_once: int = 256

    def __init__(self, renderer: Renderer, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.renderer, self.longest_prompt = renderer, longest_prompt

    def read(self, records: Iterable[Record]) -> None:
        """Read what sampling needs from the records, such as answers for a judge of its own; most need nothing.

        Args:
            records: those of all prompts; called once, before anything is sampled.
        """

    def check(self, prompts: Sequence[Text], sampling: Sampling) -> None:
        """Refuse what `sample` could not answer, before a model is loaded; by default nothing.

        Args:
            prompts: to be answered.
            sampling: how.
        """

    def use(self, policy: Any) -> None:
        """Set the model to sample from; an engine with its own weights ignores it."""

    def receive(self, save: SaveWeights, folder: Path, version: int) -> None:
        """Take the policy's weights before a round; an engine that follows the policy, or has its own, does nothing.

        Args:
            save: writes the policy into a folder, whole or as an adapter alone.
            folder: for versions of the weights.
            version: number of finished rounds.
        """

    def notice(self) -> str:
        """A sentence about what leaves this machine; empty if nothing does."""
        return ""

    def alters(self) -> list[str]:
        """What makes the engine draw from another distribution than the model's at the given temperature and top_p."""
        return []

    def prompt_ids(self, prompt: Text) -> list[int]:
        """The token ids of a prompt as the model receives them."""
        ids = self.renderer.prompt_ids(prompt)
        return ids if self.longest_prompt is None else ids[-self.longest_prompt :]

    def response_tokens(self, prompt: Text, response: Text) -> ResponseTokens:
        """The tokens of a response given in the data, including the end token, and which of them are learned."""
        return self.renderer.response_tokens(prompt, response)

    @abstractmethod
    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """``sampling.samples`` responses per prompt, in order; deterministic for a seed where the backend allows it."""
