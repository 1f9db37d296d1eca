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
    """The characters of ``text`` that each token holds, from its first to one past its last that is not white space.

    White space is left out of the comparison, since templates and tokenizers change it. Tokens that are parts of one
    character all hold it. A token without a letter of the text (white space, what a template writes around the text,
    the end token) has an empty span.

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
        [(0, 1), (1, 2), (2, 2), (3, 4)]
    """
    found, spans = _decoded(decode, _context(decode, before), ids)
    places = [place for place, letter in enumerate(text) if not letter.isspace()]
    shift = found.find("".join(text.split()))
    if shift < 0:
        raise DataError(
            f"The tokens of the response do not spell it: {found[:60]!r} instead of {text[:60]!r} (without spaces).",
            why="The tokenizer changes texts, so it is unknown which tokens a part of the response has.",
            fix="Write the text as the tokenizer writes it (letter case, accents), or use another tokenizer.",
        )
    return [_in_text(start - shift, end - shift, places) for start, end in spans]


def _in_text(start: int, end: int, places: list[int]) -> tuple[int, int]:
    """The span in the text of letters ``start`` to ``end``, counted without white space."""
    inside = places[max(start, 0) : max(end, 0)]
    if inside:
        return inside[0], inside[-1] + 1
    beside = places[start - 1] + 1 if 0 < start <= len(places) else 0 if start <= 0 else places[-1] + 1
    return beside, beside


def _context(decode: Callable[[list[int]], str], before: Sequence[int]) -> list[int]:
    """The last tokens before the response, as many as begin with a whole character."""
    sizes = range(1, WINDOW + 1)
    return next((last for n in sizes if not decode(last := list(before[-n:])).startswith(_PARTIAL)), [])


def _decoded(
    decode: Callable[[list[int]], str], context: list[int], ids: Sequence[int]
) -> tuple[str, list[tuple[int, int]]]:
    """The text of the ids without white space, and the part of it that each of them holds."""
    every, found = [*context, *ids], ""
    starts, partial = [], []
    # Decoding starts at the last token but one that begins with a whole character, so that a word keeps its space.
    first = later = 0
    for place in range(len(context), len(every)):
        earlier, both = (decode(every[first:stop]) for stop in (place, place + 1))
        # Where single bytes stand for characters, one incomplete character makes a decoder give up those before it.
        known = max(earlier.rstrip(_PARTIAL), decode(every[first:later]).rstrip(_PARTIAL), key=len)
        if not earlier.endswith(_PARTIAL) and place > later:
            first, later = later, place
        starts.append(len(found))
        partial.append(both.endswith(_PARTIAL))
        found += "".join(both.rstrip(_PARTIAL)[len(known) :].split())
    stops = [*starts[1:], len(found)]
    for place in range(len(ids) - 2, -1, -1):
        stops[place] = max(stops[place], stops[place + 1]) if partial[place] else stops[place]
    return found, list(zip(starts, stops, strict=True))


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
