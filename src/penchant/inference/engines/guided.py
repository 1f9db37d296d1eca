"""`GuidedEngine`, the base of engines in which other models read along with the one that generates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from penchant.feedback.records import Text
from penchant.generation.engine import Guide
from penchant.generation.in_process import InProcessEngine
from penchant.generation.responses import Sampling
from penchant.inference.companions import Companion, Companions
from penchant.inference.following import Follower
from penchant.inference.processors import MixingProcessor
from penchant.rendering.renderer import Renderer

__all__ = ["GuidedEngine"]


class GuidedEngine(InProcessEngine):
    """Base class: the policy generates, other models read along, and `combine` gives the logits to sample from.

    Temperature, ``top_p`` and the number of samples apply to the combination. Every model keeps its own keys and
    values, and receives prompts in its own template. A subclass names the other models and combines.

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: the engine's keys.
    """

    def __init__(self, renderer: Renderer, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(renderer, longest_prompt, **settings)
        self._known: Companions | None = None

    @abstractmethod
    def names(self) -> list[tuple[str, str]]:
        """The other models in order, each with the key that names it."""

    @abstractmethod
    def combine(self, own: Tensor, others: Sequence[Tensor]) -> Tensor:
        """The combined logits [R, V] of the policy's and the others', in the order of `names`."""

    def companions(self) -> list[Companion]:
        """The other models; loaded at the first call, on the policy's device.

        Raises:
            ModelError: one cannot be loaded, or its vocabulary is another.
        """
        if self._known is None:
            self._known = Companions(self.renderer, next(self.model.parameters()).device)
        return [self._known.get(name, f"engine.{key}") for name, key in self.names()]

    def guide(self, prompts: Sequence[Text], sampling: Sampling) -> Guide:
        """A processor for each batch, with followers of its prompts."""
        companions = self.companions()
        return self._guide_of(companions, [self._rendered(each, prompts) for each in companions])

    def _rendered(self, companion: Companion, prompts: Sequence[Text]) -> list[list[int]]:
        return [companion.prompt_ids(prompt, self.longest_prompt) for prompt in prompts]

    def _guide_of(self, companions: Sequence[Companion], rendered: Sequence[list[list[int]]]) -> Guide:
        pad: Callable[[Companion], int] = lambda each: getattr(each.renderer.tokenizer, "pad_token_id", None) or 0  # noqa: E731

        def processors(places: Sequence[int]) -> list[MixingProcessor]:
            followers = [
                Follower(each.model, [ids[place] for place in places], pad(each))
                for each, ids in zip(companions, rendered, strict=True)
            ]
            return [MixingProcessor(followers, self.combine)]

        return processors
