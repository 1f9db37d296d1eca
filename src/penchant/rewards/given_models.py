"""Models of judges as they are given: by name, or in memory with a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.errors import ModelError
from penchant.rendering.tokenizer import load_tokenizer

__all__ = ["named_settings", "tokenizer_for"]


def named_settings(**models: Any) -> dict[str, str]:
    """The settings that name models: the folder or hub id, or the name of a model in memory; without those of None.

    Args:
        models: by the name of their setting.

    Example:
        >>> named_settings(strong=Path("tuned"), weak=None)
        {'strong': 'tuned'}
    """
    given = {name: each for name, each in models.items() if each is not None}
    return {
        name: str(each) if isinstance(each, str | Path) else str(each.config.name_or_path or type(each).__name__)
        for name, each in given.items()
    }


def tokenizer_for(name: str, model: Any, tokenizer: Any, what: str) -> Any:
    """The tokenizer of a model.

    Args:
        name: folder or hub id of a model that is not in memory.
        model: as it was given: None, a name, or a model in memory.
        tokenizer: as it was given, or None.
        what: the model, for the error: ``reward model``.

    Raises:
        ModelError: the model is in memory and has no tokenizer, or there is none in the folder.
    """
    if tokenizer is not None:
        return tokenizer
    if model is None or isinstance(model, str | Path):
        return load_tokenizer(name)
    raise ModelError(f"The {what} is given in memory, without a tokenizer.")
