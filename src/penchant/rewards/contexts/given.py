"""`in_context`: a prompt behind the context in which responses are judged."""

from __future__ import annotations

from penchant.feedback.records import Text

__all__ = ["in_context"]


def in_context(prompt: Text, context: str) -> Text:
    """A prompt with a context before it: a paragraph before a text, a paragraph of the system turn of a conversation.

    Args:
        prompt: a text or messages.
        context: a criterion, a situation or a profile; with an empty one the prompt stays as it is.

    Example:
        >>> in_context("Tea?", "Short answers are better.")
        'Context: Short answers are better.\\n\\nTea?'
        >>> in_context([{"role": "user", "content": "Tea?"}], "Ann is ill.")[0]
        {'role': 'system', 'content': 'Context: Ann is ill.'}
    """
    if not context.strip():
        return prompt
    said = f"Context: {context.strip()}"
    if isinstance(prompt, str):
        return f"{said}\n\n{prompt}"
    first, *rest = prompt
    if first.get("role") == "system":
        return [{**first, "content": f"{first.get('content') or ''}\n\n{said}".strip()}, *rest]
    return [{"role": "system", "content": said}, *prompt]
