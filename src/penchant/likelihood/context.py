"""How long a sequence a model can take: beyond that its numbers are wrong without an error, or it fails."""

from __future__ import annotations

from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["length_limit"]

# Tokenizers without a limit state numbers like 1e30.
ENDLESS = 10**9


def length_limit(source: str, model: Any, tokenizer: Any, wanted: int | None = None) -> int | None:
    """Most tokens of a sequence: the wanted number, else what model and tokenizer state.

    Args:
        source: the model's folder or hub id, for its configuration where there is no model in memory.
        model: a model in memory, or None.
        tokenizer: the tokenizer.
        wanted: ``max_length`` as it was given.

    Returns:
        The limit, or None where none is known.

    Raises:
        ConfigurationError: more is wanted than the model has positions.
    """
    positions = _positions(source, model)
    if wanted is not None:
        if positions is not None and wanted > positions:
            raise ConfigurationError(
                f"max_length is {wanted}, but the model has only {positions} positions.",
                where=source,
                why="Tokens beyond them would get log-probabilities that mean nothing.",
                fix=f"Give max_length={positions} or less, or leave it out.",
            )
        return wanted
    stated = getattr(tokenizer, "model_max_length", None)
    known = [limit for limit in (positions, stated) if isinstance(limit, int) and 1 < limit < ENDLESS]
    return min(known) if known else None


def _positions(source: str, model: Any) -> int | None:
    config = getattr(model, "config", None)
    if config is None:
        from transformers import AutoConfig

        try:
            config = AutoConfig.from_pretrained(source)
        except Exception:  # loading the model reports what is wrong
            return None
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)
    return limit if isinstance(limit, int) and 1 < limit < ENDLESS else None
