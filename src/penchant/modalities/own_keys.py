"""Keys of a recipe that belong to one modality, and their refusal in a run of another."""

from __future__ import annotations

from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["OF_IMAGES", "OF_TEXT", "refuse_keys"]

#: Keys that only runs of images read.
OF_IMAGES = ("denoising", "images")

#: Keys that only runs of language models read.
OF_TEXT = ("max_length", "chat_template", "template_arguments", "as_chat", "train_on", "end_token", "attention")


def refuse_keys(settings: Any, keys: tuple[str, ...], owner: str, model: str) -> None:
    """Refuse keys that a run would ignore; a key with its default value is none.

    Args:
        settings: the run's recipe.
        keys: keys of another modality.
        owner: what they are keys of, in words.
        model: what the run's model is, in words.

    Raises:
        ConfigurationError: one of them is set.
    """
    fields = type(settings).model_fields
    for key in keys:
        if key in fields and getattr(settings, key) != fields[key].get_default(call_default_factory=True):
            raise ConfigurationError(
                f"{key} is a key of {owner}, but the model is {model}.",
                where=key,
                why="It would have no effect.",
                fix="Remove it.",
            )
