"""What judges say of themselves and of texts, so that equal judgements are found again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Conversation, Text
from penchant.rendering.renderer import Renderer

__all__ = ["response_as_trained", "said_of", "tokenizer_identity"]


def said_of(value: Text) -> str:
    """All that a judge may read of a prompt or response: the text, or messages with their tools and arguments.

    Example:
        >>> said_of("Hi"), said_of([{"role": "user", "content": "Hi"}])
        ('"Hi"', '[{"content": "Hi", "role": "user"}]')
    """
    more = [value.tools, value.arguments] if isinstance(value, Conversation) else []
    parts: Any = [value, *more] if more else value
    return json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)


def response_as_trained(renderer: Renderer, prompt: Text, response: Any) -> list[int]:
    """The token ids of a response as training on this record would see them.

    A text that the template would change beyond recognition (a model wrote it) is taken as it was written.

    Args:
        renderer: writes prompts and responses.
        prompt: a text or a conversation.
        response: a text, or messages.

    Raises:
        DataError: the template leaves out something of the messages.
    """
    if not isinstance(response, str):
        return renderer.response_ids(prompt, response)
    try:
        return renderer.response_ids(prompt, response)
    except DataError:
        return renderer.sampled_ids(prompt, response)


def tokenizer_identity(renderer: Renderer) -> str:
    """A hash of a vocabulary, its merges, and the template that turns messages into text."""
    backend = getattr(renderer.tokenizer, "backend_tokenizer", None)
    words = backend.to_str() if backend is not None else json.dumps(renderer.tokenizer.get_vocab(), sort_keys=True)
    return hashlib.sha256(f"{words}\n{renderer.chat_template}".encode("utf-8", "surrogatepass")).hexdigest()
