"""The base of all engines, which draw responses from a model in this process or on a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from penchant.feedback.records import Text
from penchant.generation.registry import ENGINES
from penchant.generation.responses import Response, Sampling
from penchant.named import Named
from penchant.rendering.rendering import Renderer

__all__ = ["Engine"]


class Engine(Named, ABC):
    """Draws responses to prompts; a subclass writes ``sample``.

    A subclass with an ``id`` is found by that name, and its annotated fields are the keys of the recipe's ``engine``.

    Args:
        renderer: writes prompts as training does, and turns texts into tokens.
        longest_prompt: most tokens of a prompt, longer ones lose their left side; None for no limit.
        settings: values of the annotated fields by name.

    Raises:
        ConfigurationError: there is no such key, or a value has the wrong type or is out of range.
    """

    kind = "engine"
    registry = ENGINES
    #: Whether it samples from the model that is being trained, and not from weights of its own.
    follows_policy: ClassVar[bool] = True
    #: About how many responses one call of `sample` should ask for.
    at_once: int = 256

    def __init__(self, renderer: Renderer, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.renderer, self.longest_prompt = renderer, longest_prompt

    def use(self, policy: Any) -> None:
        """Sample from this model from now on; an engine with weights of its own ignores it."""

    def prompt_ids(self, prompt: Text) -> list[int]:
        """The tokens that the model is given for a prompt."""
        ids = self.renderer.prompt_ids(prompt)
        return ids if self.longest_prompt is None else ids[-self.longest_prompt :]

    def response_ids(self, prompt: Text, response: Text) -> list[int]:
        """The tokens of a response that is given as a text, its end token included."""
        return self.renderer.response_ids(prompt, response)

    @abstractmethod
    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """``sampling.samples`` responses to each prompt, in order; where possible the same for the same seed."""
