"""The maximum sequence length of a model; longer sequences fail or give wrong log-probabilities."""

from __future__ import annotations

from typing import Any

from penchant.errors import ConfigurationError, ModelError
from penchant.model_files import read_config
from penchant.model_folders import adapter_config, base_of

__all__ = ["length_limit"]

# Tokenizers without a limit report numbers like 1e30.
ENDLESS = 10**9


def length_limit(
    source: str,
    model: Any,
    tokenizer: Any,
    wanted: int | None = None,
    *,
    base: str | None = None,
    reserved: int = 0,
) -> int | None:
    """The maximum number of tokens per sequence: the requested one, else the limit of model and tokenizer.

    Args:
        source: the model's folder or hub id, to read its configuration if there is no model in memory.
        model: a model in memory, or None.
        tokenizer: the tokenizer.
        wanted: the requested ``max_length``, or None.
        base: for an adapter folder, its base as the user names it.
        reserved: positions that a new adapter takes for virtual tokens; those of a given one are known.

    Returns:
        The limit, or None if none is known.

    Raises:
        ConfigurationError: the requested length exceeds the positions of the model.
    """
    positions, taken = _positions(source, model, base), reserved + _virtual_tokens(source, model)
    if positions is not None and taken:
        if taken >= positions:
            raise ConfigurationError(
                f"The adapter has {taken:,} virtual tokens, and the model only {positions:,} positions.",
                where=source,
                fix="Use fewer virtual tokens (lora.num_virtual_tokens).",
            )
        positions -= taken
    if wanted is not None:
        if positions is not None and wanted > positions:
            raise ConfigurationError(
                f"max_length is {wanted}, but the model has only {positions} positions"
                f"{f' beside those of {taken} virtual tokens' if taken else ''}.",
                where=source,
                why="Log-probabilities of tokens beyond them are meaningless.",
                fix=f"Set max_length to {positions} or less, or remove it.",
            )
        return wanted
    stated = getattr(tokenizer, "model_max_length", None)
    known = [limit for limit in (positions, stated) if isinstance(limit, int) and 1 < limit < ENDLESS]
    return min(known) if known else None


def _virtual_tokens(source: str, model: Any) -> int:
    """Number of tokens that an adapter puts before every sequence; each takes a position."""
    configurations = getattr(model, "peft_config", None) if model is not None else None
    if configurations:
        return sum(int(getattr(each, "num_virtual_tokens", None) or 0) for each in configurations.values())
    found = adapter_config(source) if model is None else None
    return int((found or {}).get("num_virtual_tokens") or 0)


def _positions(source: str, model: Any, base: str | None) -> int | None:
    config = getattr(model, "config", None)
    if config is None:
        try:
            config = read_config(base_of(source, base))
        except ModelError:  # loading the model reports the error
            return None
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)
    return limit if isinstance(limit, int) and 1 < limit < ENDLESS else None
