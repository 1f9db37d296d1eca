"""`responses_in`: the responses in a server's answer, refused unless they are exactly what was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from penchant.generation.answers import BadAnswer, message_of
from penchant.generation.responses import Response, Sampling

__all__ = ["choices_of", "ids_in", "longest_answer", "responses_in"]

# Characters of a token, with room to spare.
LONGEST_TOKEN = 1024
# How vLLM names a token by its id (``return_tokens_as_token_ids``).
NAMED = "token_id:"
# Why a server ended a response: at the model's end token, or at the length limit.
ENDED, CUT = frozenset({"stop", "eos", "eos_token"}), "length"


def responses_in(
    answer: Any, sampling: Sampling, ids_of: Callable[[str], Sequence[int]], ends: Sequence[int] = ()
) -> list[Response]:
    """The responses of an answer in the form of OpenAI's completions.

    Token ids that the answer holds are used as they are, with their log-probabilities. Otherwise texts are tokenised.

    Args:
        answer: the parsed answer.
        sampling: what was asked for.
        ids_of: the tokens of a response that has ended, with the end token as the last.
        ends: the tokens that end a response, the first of which is added where a server leaves it out.

    Raises:
        BadAnswer: there are fewer or more responses, or one is not a text, does not say how it ended, has more tokens
            than were asked for, or has token ids or log-probabilities that cannot be its own.

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
    return [_response(choice, sampling, ids_of, ends) for choice in choices]


def choices_of(answer: Any) -> Any:
    """An answer of SGLang's ``/generate`` in the form of OpenAI's completions; anything else as it is.

    Args:
        answer: the parsed answer: an object with text and ``meta_info``, or a list of them.

    Example:
        >>> known = {"finish_reason": {"type": "stop"}, "output_token_logprobs": [[-0.5, 7, None]]}
        >>> choices_of({"text": "a", "meta_info": known})["choices"][0]["token_ids"]
        [7]
    """
    several = answer if isinstance(answer, list) else [answer]
    if not several or not all(isinstance(each, dict) and isinstance(each.get("meta_info"), dict) for each in several):
        return answer
    return {"choices": [_choice_of(each, each["meta_info"]) for each in several]}


def _choice_of(found: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    ended, rows = known.get("finish_reason"), known.get("output_token_logprobs")
    choice = {"text": found.get("text"), "finish_reason": ended.get("type") if isinstance(ended, dict) else ended}
    if isinstance(rows, list) and all(isinstance(row, list) and len(row) >= 2 for row in rows):
        values = [row[0] for row in rows]
        return choice | {"token_ids": [row[1] for row in rows], "logprobs": {"token_logprobs": values}}
    return choice | {"token_ids": found.get("output_ids")}


def longest_answer(sampling: Sampling) -> int:
    """The bytes that an answer may have: far more than its texts need."""
    return 2**20 + 6 * LONGEST_TOKEN * sampling.samples * sampling.max_new_tokens


def _response(choice: Any, sampling: Sampling, ids_of: Callable[[str], Sequence[int]], ends: Sequence[int]) -> Response:
    text, reason, limit = _text(choice), choice.get("finish_reason"), sampling.max_new_tokens
    if not isinstance(reason, str) or (reason != CUT and reason not in ENDED):
        known = ", ".join(map(repr, sorted({*ENDED, CUT})))
        raise BadAnswer(f"a choice whose finish_reason is not one of {known}", ascii(reason))
    if len(text) > LONGEST_TOKEN * (limit + 1):  # before its tokens are counted, which takes time
        raise BadAnswer(f"a response of {len(text):,} characters, where at most {limit} tokens were asked for")
    ended = reason != CUT
    if (drawn := ids_in(choice)) is not None:
        return _as_drawn(choice, text, drawn, ended, sampling, ends)
    ids = ids_of(text)
    # A response that stopped at the length limit has no end token.
    kept = tuple(ids if ended else ids[:-1])
    if len(kept) <= limit:
        return Response(text, kept, ended)
    if len(kept) > limit + _slack(limit):
        raise BadAnswer(f"a response of {len(kept)} tokens, where at most {limit} were asked for")
    # The same text can be a few tokens longer than the tokens that were sampled, for instance if the limit cuts a
    # character; what is beyond the limit is not part of the response.
    return Response(text, kept[:limit], False)


def _as_drawn(
    choice: dict[str, Any], text: str, ids: list[int], ended: bool, sampling: Sampling, ends: Sequence[int]
) -> Response:
    """A response of the tokens that the server drew."""
    logps = _logps_in(choice, len(ids))
    if ended and not sampling.stop and ends and (not ids or ids[-1] not in ends):
        # The end token was drawn, but is neither among the ids nor has a log-probability.
        ids, logps = [*ids, ends[0]], None
    if len(ids) > sampling.max_new_tokens:
        raise BadAnswer(f"a response of {len(ids)} tokens, where at most {sampling.max_new_tokens} were asked for")
    return Response(text, tuple(ids), ended, logps=logps)


def ids_in(choice: dict[str, Any]) -> list[int] | None:
    """The token ids of a choice: ``token_ids`` (vLLM), ``output_ids`` (SGLang), or in the names of its tokens.

    Example:
        >>> ids_in({"token_ids": [5, 6]}), ids_in({"logprobs": {"tokens": ["token_id:7"]}}), ids_in({"text": "a"})
        ([5, 6], [7], None)
    """
    found = choice.get("token_ids")
    if found is None:
        found = choice.get("output_ids")
    if found is None:
        held = choice.get("logprobs")
        names = held.get("tokens") if isinstance(held, dict) else None
        if not isinstance(names, list) or not names or not all(str(each).startswith(NAMED) for each in names):
            return None
        found = [int(number) if (number := each.removeprefix(NAMED)).isdecimal() else None for each in names]
    if not isinstance(found, list) or not all(type(each) is int and each >= 0 for each in found):
        raise BadAnswer("a choice whose token ids are not a list of whole numbers", ascii(found)[:80])
    return found


def _logps_in(choice: dict[str, Any], count: int) -> tuple[float, ...] | None:
    """The log-probabilities of the drawn tokens, nats; None if there are none."""
    held = choice.get("logprobs")
    values = held.get("token_logprobs") if isinstance(held, dict) else None
    if values is None:
        return None
    good = isinstance(values, list) and all(type(each) in (int, float) and -math.inf < each <= 1e-4 for each in values)
    if not good or len(values) != count:
        raise BadAnswer(f"a choice of {count} tokens whose log-probabilities are not as many numbers, at most 0")
    return tuple(float(each) for each in values)


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
