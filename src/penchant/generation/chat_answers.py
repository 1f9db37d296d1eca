"""`ChatAnswer`: the text, the tokens and the first token's probabilities in a server's answer to a conversation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penchant.generation.answers import BadAnswer, message_of

__all__ = ["ChatAnswer", "chat_answer_in"]


@dataclass(frozen=True)
class ChatAnswer:
    """An answer in the form of OpenAI's chat completions.

    Args:
        text: what the model wrote; empty for an answer of other parts.
        tokens: tokens of prompt and answer together that the server counts; 0 if it does not say.
        first: probability of each text that was likely as the first token, if it was asked for.
    """

    text: str
    tokens: int = 0
    first: Mapping[str, float] = field(default_factory=dict)


def chat_answer_in(answer: Any, *, probabilities: bool = False) -> ChatAnswer:
    """The answer to a conversation.

    Args:
        answer: the parsed answer.
        probabilities: probabilities of the first token were asked for.

    Raises:
        BadAnswer: there is no message with a text, or no probability where some were asked for.

    Example:
        >>> chat_answer_in({"choices": [{"message": {"content": "[[A]]"}}], "usage": {"total_tokens": 9}})
        ChatAnswer(text='[[A]]', tokens=9, first={})
    """
    if message := message_of(answer):
        raise BadAnswer("an answer with an error", message)
    choices = answer.get("choices") if isinstance(answer, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    said = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(said, dict):
        hint = "; the address must be that of chat, not completions" if isinstance(choice, dict) else ""
        raise BadAnswer(f"an answer without a message{hint}", ascii(choice))
    content = said.get("content")
    text = "" if content is None else content
    if not isinstance(text, str):
        raise BadAnswer("a message whose content is not a text", ascii(text))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadAnswer("a message with half of a surrogate pair, which is no text") from None
    return ChatAnswer(
        text, _tokens(answer.get("usage")), _first(choice) if probabilities and isinstance(choice, dict) else {}
    )


def _tokens(usage: Any) -> int:
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) and total > 0 else 0


def _first(choice: dict[str, Any]) -> dict[str, float]:
    """The probabilities of the first token's likely texts."""
    try:
        likely = choice["logprobs"]["content"][0]["top_logprobs"]
        found: dict[str, float] = {}
        for each in likely:
            word, own = each["token"], math.exp(float(each["logprob"]))
            if not isinstance(word, str) or not 0 <= own <= 1 + 1e-6:
                raise ValueError(word)
            found[word] = found.get(word, 0.0) + own
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        raise BadAnswer(
            "an answer without probabilities of its first token; the server must support logprobs and top_logprobs"
        ) from None
    return found
