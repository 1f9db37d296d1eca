"""`check_vocabulary`: every token of a tokenizer needs a row of the model's embedding."""

from __future__ import annotations

import re
from typing import Any

from penchant.errors import ModelError
from penchant.model_files import read_config

__all__ = ["check_vocabulary", "rows_of"]

# Placeholders of images and sounds; text-only models come with tokenizers that have them, and no text contains them.
PLACEHOLDER = re.compile("image|img|vision|video|audio|speech|soft_token", re.IGNORECASE)


def rows_of(source: str, model: Any = None) -> int | None:
    """The number of rows of a model's embedding; None if it is unknown.

    Args:
        source: the model's folder or hub id, to read its configuration if there is no model in memory.
        model: a model in memory, or None.
    """
    if model is not None:
        table = getattr(model, "get_input_embeddings", lambda: None)()
        return getattr(table, "num_embeddings", None)
    try:
        size = getattr(read_config(source).get_text_config(), "vocab_size", None)
    except ModelError:  # loading the model reports the error
        return None
    return size if isinstance(size, int) else None


def check_vocabulary(tokenizer: Any, rows: int | None, where: str) -> None:
    """Refuse a tokenizer with tokens that the model's embedding does not have.

    Args:
        tokenizer: of ``transformers``.
        rows: number of rows of the embedding; None skips the check.
        where: the model's folder or id, for the error.

    Raises:
        ModelError: a token's id is not below ``rows``.
    """
    if rows is None:
        return
    beyond = {id_: token for token, id_ in tokenizer.get_vocab().items() if id_ >= rows}
    if all(PLACEHOLDER.search(token) for token in beyond.values()):
        return
    shown = ", ".join(repr(beyond[id_]) for id_ in sorted(beyond)[:3])
    raise ModelError(
        f"The tokenizer has {max(beyond) + 1} tokens, but the model's embedding has only {rows} rows; without a row "
        f"are {shown}{' and others' if len(beyond) > 3 else ''}.",
        where=where,
        why="A text with such a token cannot be computed.",
        fix="If tokens were added, resize and save the model first: model.resize_token_embeddings(len(tokenizer)). "
        "Otherwise give the tokenizer of this model.",
    )
