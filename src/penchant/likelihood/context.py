"""The maximum sequence length of a model; longer sequences fail or give wrong log-probabilities."""

from __future__ import annotations

from typing import Any

from penchant.errors import ConfigurationError, ModelError
from penchant.model_files import read_config
from penchant.model_folders import base_of

__all__ = ["length_limit"]

# Tokenizers without a limit report numbers like 1e30.
ENDLESS = 10**9


def length_limit(
    source: str, model: Any, tokenizer: Any, wanted: int | None = None, *, base: str | None = None
) -> int | None:
    """The maximum number of tokens per sequence: the requested one, else the limit of model and tokenizer.

    Args:
        source: the model's folder or hub id, to read its configuration if there is no model in memory.
        model: a model in memory, or None.
        tokenizer: the tokenizer.
        wanted: the requested ``max_length``, or None.
        base: for an adapter folder, its base as the user names it.

    Returns:
        The limit, or None if none is known.

    Raises:
        ConfigurationError: the requested length exceeds the positions of the model.
    """
    positions = _positions(source, model, base)
    if wanted is not None:
        if positions is not None and wanted > positions:
            raise ConfigurationError(
                f"max_length is {wanted}, but the model has only {positions} positions.",
                where=source,
                why="Log-probabilities of tokens beyond them are meaningless.",
                fix=f"Set max_length to {positions} or less, or remove it.",
            )
        return wanted
    stated = getattr(tokenizer, "model_max_length", None)
    known = [limit for limit in (positions, stated) if isinstance(limit, int) and 1 < limit < ENDLESS]
    return min(known) if known else None


def _positions(source: str, model: Any, base: str | None) -> int | None:
    config = getattr(model, "config", None)
    if config is None:
        try:
            config = read_config(base_of(source, base))
        except ModelError:  # loading the model reports the error
            return None
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)
    return limit if isinstance(limit, int) and 1 < limit < ENDLESS else None
