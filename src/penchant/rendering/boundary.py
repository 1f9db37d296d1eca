"""Tokens of a response as they follow a prompt, without touching one token of the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

__all__ = ["continuation"]

# What a response may be encoded behind, so that it is encoded as the middle of a text and not as its beginning.
# A newline is a token of its own in nearly every vocabulary; the others serve where it merges with the response.
_PREFIXES = ("\n", ".", "a", " ", ":\n", "0")


def continuation(
    encode: Callable[[str], list[int]],
    decode: Callable[[list[int]], str],
    prompt: str,
    prompt_ids: list[int],
    response: str,
) -> list[int]:
    """Token ids of ``response`` behind ``prompt``, such that both together read as one text.

    Prompt and response are tokenised as one text, and the prompt's ids are cut off its front. Where a token of that
    text spans the boundary, generation could not have been fed that token: the response is then tokenised alone, as
    the middle of a text, so that ``prompt_ids`` followed by it decodes to the same text.

    Args:
        encode: text to ids, without special tokens added.
        decode: ids to text.
        prompt: the prompt's text.
        prompt_ids: ``encode(prompt)``.
        response: the response's text.

    Returns:
        ids of the response.

    Example:
        >>> encode = lambda text: [ord(letter) for letter in text]
        >>> continuation(encode, lambda ids: "".join(map(chr, ids)), "A", [65], "BC")
        [66, 67]
    """
    whole = encode(prompt + response)
    if whole[: len(prompt_ids)] == prompt_ids:
        return whole[len(prompt_ids) :]
    text = decode(whole)
    first: list[int] | None = None
    for candidate in _apart(encode, response):
        first = candidate if first is None else first
        if decode(prompt_ids + candidate) == text:
            return candidate
    # A tokenizer that cannot encode every text (words only) has no exact answer; the prompt still stays as it is.
    assert first is not None
    return first


def _apart(encode: Callable[[str], list[int]], response: str) -> Iterator[list[int]]:
    """Ways to encode a response without its prompt, the likeliest first."""
    for prefix in _PREFIXES:
        alone, joined = encode(prefix), encode(prefix + response)
        if joined[: len(alone)] == alone:
            yield joined[len(alone) :]
    yield encode(response)
    # The longest beginning that a vocabulary merges with every prefix is a letter or two: set it apart.
    for split in range(1, min(len(response), 4)):
        yield encode(response[:split]) + encode(response[split:])
