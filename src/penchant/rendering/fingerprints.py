"""Fingerprints of what turns texts into tokens: the tokenizer, and the chat template."""

from __future__ import annotations

import json
from typing import Any

from penchant.manifest import digest_of

__all__ = ["template_fingerprint", "tokenizer_fingerprint"]

# State of the last call, which changes no token of the next one.
OF_A_CALL = ("truncation", "padding")
ADDED = ("add_bos_token", "add_eos_token", "add_prefix_space", "legacy", "split_special_tokens")


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """SHA-256 of everything that decides on the tokens of a text.

    Args:
        tokenizer: of ``transformers``; one without a fast backend is known by its vocabulary.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None and hasattr(backend, "to_str"):
        content: Any = json.loads(backend.to_str())
        for name in OF_A_CALL:
            content.pop(name, None)
    else:
        content = sorted(tokenizer.get_vocab().items()) if hasattr(tokenizer, "get_vocab") else type(tokenizer).__name__
    special = {name: str(value) for name, value in (getattr(tokenizer, "special_tokens_map", None) or {}).items()}
    return digest_of([content, special, {name: getattr(tokenizer, name, None) for name in ADDED}])


def template_fingerprint(renderer: Any) -> str:
    """SHA-256 of the chat template of a renderer; its arguments are keys of the recipe.

    Args:
        renderer: a `Renderer`.
    """
    return digest_of(renderer.chat_template)
