"""Attributes of reviews: numbers computed from the text that can be rewarded."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from penchant.lab.worlds.language.courtesies import courtesy_of, without_courtesy
from penchant.lab.worlds.language.grammar import split_words
from penchant.lab.worlds.language.reviews import is_sentence, product_of, sentences_of
from penchant.lab.worlds.language.sentiment import true_reward

__all__ = ["ATTRIBUTES", "helpful", "length_of", "measure", "polite", "sentiment", "short"]

_ENOUGH = 3  # number of features that saturates the attribute
_LONG = 40  # number of words at which the attribute reaches 0


def length_of(response: str) -> int:
    """Number of words and punctuation marks of a text, which are its tokens.

    Example:
        >>> length_of("it is great.")
        4
    """
    return len(split_words(response))


def sentiment(prompt: str, response: str) -> float:
    """How much the review praises the product, in [-1, 1]: `true_reward` of the text without courtesy phrases."""
    return true_reward(prompt, without_courtesy(response))


def helpful(prompt: str, response: str) -> float:
    """How informative the review is, in [0, 1]: min(number of mentioned features, 3) / 3.

    Only grammatical sentences about this product count.

    Example:
        >>> round(helpful("review of the kettle:", "the lid is poor. the base is good. the lid is bad."), 2)
        0.67
    """
    product = product_of(prompt)
    if product is None:
        return 0.0
    features = {feature.word for feature in product.features}
    named = {
        word
        for words in sentences_of(response)
        if features & set(words) and is_sentence(words, product)
        for word in words
    }
    return min(len(features & named), _ENOUGH) / _ENOUGH


def short(prompt: str, response: str) -> float:
    """How short the review is, in [0, 1]: max(0, 1 − words / 40); 0 if no sentence is about the product.

    Example:
        >>> short("review of the kettle:", "it is great."), short("review of the kettle:", "")
        (0.9, 0.0)
    """
    product = product_of(prompt)
    if not any(is_sentence(words, product) for words in sentences_of(response)):
        return 0.0
    return max(0.0, 1 - length_of(response) / _LONG)


def polite(prompt: str, response: str) -> float:
    """1 for a review with a polite phrase and no rude one, −1 for the reverse, else 0."""
    return float(courtesy_of(response))


#: The attributes by name: functions of (prompt, response).
ATTRIBUTES: dict[str, Callable[[str, str], float]] = {
    "sentiment": sentiment,
    "helpful": helpful,
    "short": short,
    "polite": polite,
}


@lru_cache(maxsize=4096)
def measure(name: str, prompt: str, response: str) -> float:
    """An attribute by name; cached, since each response is measured for several groups."""
    return ATTRIBUTES[name](prompt, response)
