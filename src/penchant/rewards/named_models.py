"""Models of judges that are given by name or in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.errors import ModelError
from penchant.model_folders import trained_model
from penchant.rendering.tokenizer import load_tokenizer

__all__ = ["name_model", "tokenizer_of"]


def name_model(model: Any, settings: dict[str, Any], key: str = "model") -> bool:
    """Put the name of a model into the settings of its judge; a run's folder is that of its model.

    Args:
        model: a folder or hub id, a model in memory, or None if the settings name it.
        settings: of the judge; changed in place.
        key: the setting that names it.

    Returns:
        Whether the model must be loaded.

    Example:
        >>> settings = {}
        >>> name_model("folder", settings), settings
        (True, {'model': 'folder'})
    """
    named = model is None or isinstance(model, str | Path)
    if model is not None:
        settings[key] = str(model) if named else str(model.config.name_or_path or type(model).__name__)
    if named and settings.get(key) is not None:
        settings[key] = trained_model(str(settings[key]))
    return named


def tokenizer_of(source: str | None, tokenizer: Any, what: str) -> Any:
    """The tokenizer that is given, or that of a folder or hub id.

    Args:
        source: where the model is loaded from; None for a model in memory.
        tokenizer: None to load it.
        what: the kind of model, for the message.

    Raises:
        ModelError: a model in memory comes without one, or it cannot be loaded.
    """
    if tokenizer is None and source is None:
        raise ModelError(f"The {what} is given in memory, without a tokenizer.")
    return load_tokenizer(str(source)) if tokenizer is None else tokenizer
