"""The terms of the regularised relevance reward that words alone decide: length, repetition, copying."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["fresh_trigrams", "length_incentive", "open_reward", "rescaled", "trigrams"]

#: Words that are worth 1.
UNIT = 100


def trigrams(text: str) -> list[tuple[str, ...]]:
    """The runs of three words of a text, in small letters.

    Example:
        >>> trigrams("The cat sat down")
        [('the', 'cat', 'sat'), ('cat', 'sat', 'down')]
    """
    words = text.lower().split()
    return [tuple(words[at : at + 3]) for at in range(len(words) - 2)]


def length_incentive(text: str) -> float:
    """LI = words / 100.

    Example:
        >>> length_incentive("ten words " * 5)
        0.1
    """
    return len(text.split()) / UNIT


def fresh_trigrams(text: str, copied: Collection[tuple[str, ...]] = ()) -> float:
    """RP: the number of different trigrams, without those that are copied, over the number of trigrams.

    Args:
        text: a response.
        copied: trigrams that count for nothing, those of the prompt; none in the paper.

    Returns:
        In [0, 1]; 1 for fewer than three words.

    Example:
        >>> fresh_trigrams("a b c"), fresh_trigrams("a b c a b c"), fresh_trigrams("a b c d", copied=[("a", "b", "c")])
        (1.0, 0.75, 0.5)
    """
    every = trigrams(text)
    return len(set(every) - set(copied)) / len(every) if every else 1.0


def open_reward(relevance: float, text: str, copied: Collection[tuple[str, ...]] = ()) -> float:
    """The reward of an answer to an open question.

    R = r_x · LI · RP

    Args:
        relevance: r_x, the inner product of the embeddings of prompt and response.
        text: the response.
        copied: as for `fresh_trigrams`.

    Example:
        >>> round(open_reward(0.5, "one two three four five"), 6)
        0.025

    Reference:
        Kim et al. (2024), Rethinking the Role of Proxy Rewards in Language Model Alignment, arXiv:2402.03469.
    """
    return relevance * length_incentive(text) * fresh_trigrams(text, copied)


def rescaled(value: float, source: tuple[float, float], target: tuple[float, float]) -> float:
    """F: linear from one range to another; constant at its lower end if the source is a single point.

    Example:
        >>> rescaled(0.5, (0.0, 1.0), (10.0, 20.0))
        15.0
    """
    width = source[1] - source[0]
    return target[0] + ((value - source[0]) / width if width > 0 else 0.0) * (target[1] - target[0])
