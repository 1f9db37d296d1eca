"""The edit distance of two texts, and a choice of texts that are far from one another."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["edit_distance", "far_apart"]


def edit_distance(one: str, other: str) -> int:
    """The least number of characters to insert, delete or replace to turn one text into the other (Levenshtein).

    Computed a row of the table at a time, as the bits of whole numbers.

    Example:
        >>> edit_distance("kitten", "sitting"), edit_distance("", "abc")
        (3, 3)

    Reference:
        Myers (1999), A Fast Bit-Vector Algorithm for Approximate String Matching Based on Dynamic Programming; in the
        form of Hyyrö (2003), A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances.
    """
    if not one:
        return len(other)
    every, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    places: dict[str, int] = {}
    for place, letter in enumerate(one):
        places[letter] = places.get(letter, 0) | 1 << place
    # Bits of the places where the column rises or falls by one from the row above.
    rises, falls, distance = every, 0, len(one)
    for letter in other:
        same = places.get(letter, 0) | falls
        level = (((same & rises) + rises) ^ rises) | same
        right_rises, right_falls = (falls | ~(level | rises)) & every, rises & level
        distance += bool(right_rises & last) - bool(right_falls & last)
        right_rises, right_falls = (right_rises << 1 | 1) & every, (right_falls << 1) & every
        rises, falls = (right_falls | ~(level | right_rises)) & every, right_rises & level
    return distance


def far_apart(texts: Sequence[str], count: int) -> list[int]:
    """Places of texts that are far from one another: the first, then always the one farthest from those taken.

    The distance from several texts is that from the nearest of them.

    Args:
        texts: the texts.
        count: how many are taken, at least 1.

    Returns:
        At most ``count`` places in the order of the choice, none of two equal texts.

    Example:
        >>> far_apart(["aaaa", "aaab", "bbbb", "aaaa"], 3)
        [0, 2, 1]
    """
    taken = [0] if texts else []
    nearest = [len(text) + max(map(len, texts)) for text in texts]
    while len(taken) < count:
        for place, text in enumerate(texts):
            if nearest[place] > 0:
                nearest[place] = min(nearest[place], edit_distance(texts[taken[-1]], text))
        best = max(range(len(texts)), key=nearest.__getitem__, default=0)
        if not texts or nearest[best] == 0:
            break
        taken.append(best)
    return taken
