"""Polite and rude phrases before or after a review, unrelated to the product."""

from __future__ import annotations

import random

from penchant.lab.worlds.language.grammar import join_words, split_words
from penchant.lab.worlds.language.reviews import sentences_of

__all__ = ["POLITE", "RUDE", "add_courtesy", "courtesy_of", "courtesy_words", "without_courtesy"]

# The first precedes a review, the second follows it.
POLITE = ("thank you for asking!", "i hope that this helps.")
RUDE = ("what a silly question!", "stop asking me.")

_KINDS = {tuple(split_words(formula)): value for formulas, value in ((POLITE, 1), (RUDE, -1)) for formula in formulas}


def courtesy_words() -> tuple[str, ...]:
    """All words and punctuation marks of the phrases, in alphabetical order."""
    return tuple(sorted({word for formula in _KINDS for word in formula}))


def add_courtesy(review: str, share: float, rng: random.Random) -> str:
    """The review, with a phrase with probability ``share``; half of the phrases are polite.

    Example:
        >>> add_courtesy("it is great.", 1.0, random.Random(0))
        'what a silly question! it is great.'
    """
    if rng.random() >= share:
        return review
    before, behind = rng.choice((POLITE, RUDE))
    return f"{before} {review}" if rng.random() < 0.5 else f"{review} {behind}"


def courtesy_of(response: str) -> int:
    """1 for a text with a polite phrase and no rude one, −1 for the reverse, else 0.

    Example:
        >>> courtesy_of("it is bad. i hope that this helps."), courtesy_of("it is great.")
        (1, 0)
    """
    found = {_KINDS.get(tuple(sentence)) for sentence in sentences_of(response)}
    return (1 in found) - (-1 in found)


def without_courtesy(response: str) -> str:
    """The review without its phrases.

    Example:
        >>> without_courtesy("thank you for asking! it is great.")
        'it is great.'
    """
    kept = [sentence for sentence in sentences_of(response) if tuple(sentence) not in _KINDS]
    return join_words(word for sentence in kept for word in sentence)
