"""`Prompting`, the base of ways to put a prompt to a model and to read its answer, and the registry of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from penchant.feedback.records import Text
from penchant.named import Named, build_named
from penchant.registry import Registry

__all__ = ["PROMPTINGS", "Prompting", "build_prompting"]

#: All promptings by name.
PROMPTINGS: Registry[type[Prompting]] = Registry("prompting", "penchant.inference", group="penchant.promptings")


class Prompting(Named):
    """Puts prompts to a model in another form, and reads its answers; the base class changes nothing.

    A subclass with an ``id`` is registered under it, and its annotated fields are the keys of ``prompting``.

    Args:
        settings: values of the annotated fields by name.
    """

    kind = "prompting"
    registry = PROMPTINGS
    #: Texts that end an answer, beside the model's end token.
    stops: ClassVar[tuple[str, ...]] = ()

    def ask(self, prompt: Text) -> Text:
        """The prompt that the model receives."""
        return prompt

    def answer(self, text: str) -> str:
        """The response that a text of the model stands for."""
        return text


def build_prompting(part: Mapping[str, Any]) -> Prompting:
    """The prompting that a part of a recipe selects: ``{"name": "urial"}``.

    Raises:
        ConfigurationError: there is no such prompting or key.
    """
    return build_named(PROMPTINGS, part, "prompting")
