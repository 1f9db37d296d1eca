"""Tokenisation of a response after a prompt without changing the prompt's tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

__all__ = ["continuation"]

# Prefixes for encoding a response as the middle of a text instead of its beginning. A newline is a separate token in
# nearly every vocabulary; the others are tried if it merges with the response.
_PREFIXES = ("\n", ".", "a", " ", ":\n", "0")


def continuation(
    encode: Callable[[str], list[int]],
    decode: Callable[[list[int]], str],
    prompt: str,
    prompt_ids: list[int],
    response: str,
) -> list[int]:
    """Token ids of ``response`` after ``prompt``, such that both together decode to one text.

    Prompt and response are tokenised as one text, and the prompt's ids are removed from the front. If a token spans the
    boundary, which cannot happen in generation, the response is tokenised alone, as the middle of a text, so that
    ``prompt_ids`` followed by it decodes to the same text.

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
    # No exact result exists for a tokenizer that cannot encode every text (word-level); the prompt is still unchanged.
    assert first is not None
    return first


def _apart(encode: Callable[[str], list[int]], response: str) -> Iterator[list[int]]:
    """Candidate encodings of a response without its prompt, the most likely first."""
    for prefix in _PREFIXES:
        alone, joined = encode(prefix), encode(prefix + response)
        if joined[: len(alone)] == alone:
            yield joined[len(alone) :]
    yield encode(response)
    # A vocabulary merges at most a few letters with every prefix: encode these separately.
    for split in range(1, min(len(response), 4)):
        yield encode(response[:split]) + encode(response[split:])
