"""`responses_in`: the responses in a server's answer, refused unless they are exactly what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penchant.generation.requests import BadAnswer, message_of
from penchant.generation.responses import Response, Sampling

__all__ = ["longest_answer", "responses_in"]

# Characters of a token, with room to spare.
LONGEST_TOKEN = 1024
# Why a server ended a response: at the model's end token, or at the length limit.
ENDED, CUT = frozenset({"stop", "eos", "eos_token"}), "length"


def responses_in(answer: Any, sampling: Sampling, ids_of: Callable[[str], Sequence[int]]) -> list[Response]:
    """The responses of an answer in the form of OpenAI's completions.

    Args:
        answer: the parsed answer.
        sampling: what was asked for.
        ids_of: the tokens of a response that has ended, with the end token as the last.

    Raises:
        BadAnswer: there are fewer or more responses, or one is not a text, does not say how it ended, or has more
            tokens than were asked for.

    Example:
        >>> answer = {"choices": [{"text": "ab", "finish_reason": "length"}]}
        >>> responses_in(answer, Sampling(), lambda text: [*text.encode(), 0])[0].ids
        (97, 98)
    """
    if message := message_of(answer):
        raise BadAnswer("an answer with an error", message)
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list):
        raise BadAnswer("an answer with no list 'choices'")
    if len(choices) != sampling.samples:
        found = "1 choice" if len(choices) == 1 else f"{len(choices)} choices"
        raise BadAnswer(
            f"{found}, expected {sampling.samples}; the server must support n of the OpenAI completions API"
        )
    return [_response(choice, sampling.max_new_tokens, ids_of) for choice in choices]


def longest_answer(sampling: Sampling) -> int:
    """The bytes that an answer may have: far more than its texts need."""
    return 2**20 + 6 * LONGEST_TOKEN * sampling.samples * sampling.max_new_tokens


def _response(choice: Any, limit: int, ids_of: Callable[[str], Sequence[int]]) -> Response:
    text, reason = _text(choice), choice.get("finish_reason")
    if not isinstance(reason, str) or (reason != CUT and reason not in ENDED):
        known = ", ".join(map(repr, sorted({*ENDED, CUT})))
        raise BadAnswer(f"a choice whose finish_reason is not one of {known}", ascii(reason))
    if len(text) > LONGEST_TOKEN * (limit + 1):  # before its tokens are counted, which takes time
        raise BadAnswer(f"a response of {len(text):,} characters, where at most {limit} tokens were asked for")
    ids = ids_of(text)
    ended = reason != CUT
    # A response that stopped at the length limit has no end token.
    kept = tuple(ids if ended else ids[:-1])
    if len(kept) <= limit:
        return Response(text, kept, ended)
    if len(kept) > limit + _slack(limit):
        raise BadAnswer(f"a response of {len(kept)} tokens, where at most {limit} were asked for")
    # The same text can be a few tokens longer than the tokens that were sampled, for instance if the limit cuts a
    # character; what is beyond the limit is not part of the response.
    return Response(text, kept[:limit], False)


def _slack(limit: int) -> int:
    return 2 + limit // 16


def _text(choice: Any) -> str:
    if not isinstance(choice, dict):
        raise BadAnswer("a choice that is not an object with a text", ascii(choice))
    if "text" not in choice and "message" in choice:
        raise BadAnswer("a choice with a message instead of a text; the address must be that of completions, not chat")
    text = choice.get("text")
    if not isinstance(text, str):
        raise BadAnswer("a choice whose text is not a text", ascii(text))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadAnswer(f"a response with half of a surrogate pair ({text[error.start]!a}), which is no text") from None
    return text
