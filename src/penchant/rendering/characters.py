"""Which characters of a response each of its tokens holds, and the tokens of a span of characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penchant.errors import DataError

__all__ = ["covering", "token_spans"]

#: Tokens before the response that are looked at, enough for the bytes of one character.
WINDOW = 4
_PARTIAL = "\N{REPLACEMENT CHARACTER}"


def token_spans(
    decode: Callable[[list[int]], str], before: Sequence[int], ids: Sequence[int], text: str
) -> list[tuple[int, int]]:
    """The characters of ``text`` that each token holds, first and one past the last.

    Tokens that are parts of one character all hold it. What a template writes around the text lies outside of it: at
    negative characters, or behind the last.

    Args:
        decode: ids to text.
        before: ids before the response; the last few are enough.
        ids: [T] ids of the response.
        text: the response's text.

    Returns:
        [T] spans.

    Raises:
        DataError: the tokens do not hold the text as it was written.

    Example:
        >>> token_spans(lambda ids: "".join("ab c"[each] for each in ids), [3], [0, 1, 2, 3], "ab c")
        [(0, 1), (1, 2), (2, 3), (3, 4)]
    """
    found, starts = _decoded(decode, _context(decode, before), ids)
    ends = [next((stop for stop in starts[place + 1 :] if stop > start), start) for place, start in enumerate(starts)]
    bare = text.strip()
    # A template may strip the text.
    shift = found.find(text)
    shift = found.find(bare) - text.find(bare) if shift < 0 and bare in found else shift
    if shift < 0 and bare not in found:
        raise DataError(
            f"The tokens of the response do not spell it: {found[:60]!r} instead of {text[:60]!r}.",
            why="The tokenizer changes texts, so it is unknown which tokens a part of the response has.",
            fix="Write the text as the tokenizer writes it (letter case, accents, spaces), or use another tokenizer.",
        )
    return [(start - shift, end - shift) for start, end in zip(starts[:-1], ends[:-1], strict=True)]


def _context(decode: Callable[[list[int]], str], before: Sequence[int]) -> list[int]:
    """The last tokens before the response, as many as begin with a whole character."""
    sizes = range(1, WINDOW + 1)
    return next((last for n in sizes if not decode(last := list(before[-n:])).startswith(_PARTIAL)), [])


def _decoded(decode: Callable[[list[int]], str], context: list[int], ids: Sequence[int]) -> tuple[str, list[int]]:
    """The text of the ids, and how much of it is written before each of them and at the end."""
    every, found, starts = [*context, *ids], "", [0]
    # Decoding starts at the last token but one that begins with a whole character, so that a word keeps its space.
    first = later = 0
    for place in range(len(context), len(every)):
        earlier, both = (decode(every[first:stop]) for stop in (place, place + 1))
        if not earlier.endswith(_PARTIAL) and place > later:
            first, later = later, place
        whole = len(earlier.rstrip(_PARTIAL))
        found += both.rstrip(_PARTIAL)[whole:]
        starts.append(len(found))
    return found, starts


def covering(spans: Sequence[tuple[int, int]], text: str, part: tuple[int, int]) -> tuple[bool, ...]:
    """Whether each token belongs to a part of the text.

    It does if it shares at least one character with the part that is not white space. So the space that many
    vocabularies put in front of a word does not matter, and a token that reaches over the end of a part counts.

    Args:
        spans: [T] from `token_spans`.
        text: the text.
        part: first character of the part, and one past its last.

    Example:
        >>> covering([(0, 3), (3, 4), (4, 9)], "tea, milk", (0, 3)), covering([(0, 5), (5, 9)], "tea, milk", (0, 3))
        ((True, False, False), (True, False))
    """
    shared = ((max(start, part[0]), min(end, part[1])) for start, end in spans)
    return tuple(bool(text[start:end].strip()) if start < end else False for start, end in shared)
