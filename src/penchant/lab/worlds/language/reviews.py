"""Generation of prompts and reviews, and recognition of their sentences."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from penchant.lab.worlds.language.grammar import Grammar, join_words, split_words
from penchant.lab.worlds.language.rules import grammar_of
from penchant.lab.worlds.language.words import BRANDS, DESCRIPTORS, GRADES, PRODUCTS, Noun, Product

__all__ = [
    "Prompt",
    "grammatical_share",
    "is_sentence",
    "product_of",
    "sentences_of",
    "vocabulary",
    "write_prompt",
    "write_review",
]

_STANCES = ("good", "good", "good", "good", "mixed", "bad", "bad", "bad", "bad")
_FRAMES = (
    "review of the {thing}:",
    "what do you think of the {thing}?",
    "a few words about the {thing}, please:",
    "review of the {topic} of the {thing}:",
    "what do you think of the {topic} of the {thing}?",
)


@dataclass(frozen=True)
class Prompt:
    """A prompt for a review: its text, the product, and the feature to review, if any."""

    text: str
    product: Product
    topic: Noun | None = None


@cache
def vocabulary() -> tuple[str, ...]:
    """All words and punctuation marks of prompts and reviews, in alphabetical order."""
    words = {word for product in PRODUCTS.values() for word in grammar_of(product).words}
    frames = {word for frame in _FRAMES for word in split_words(frame.format(thing="", topic=""))}
    return tuple(sorted(words | frames | {"from"} | set(DESCRIPTORS) | set(BRANDS)))


def write_prompt(rng: random.Random) -> Prompt:
    """Sample a prompt: a frame, a product with at most one descriptor and one brand, and sometimes a feature.

    Example:
        >>> write_prompt(random.Random(1)).text
        'a few words about the wooden radio, please:'
    """
    product = rng.choice(list(PRODUCTS.values()))
    thing = product.word
    if rng.random() < 0.7:
        thing = f"{rng.choice(DESCRIPTORS)} {thing}"
    if rng.random() < 0.7:
        thing = f"{thing} from {rng.choice(BRANDS)}"
    frame = rng.choice(_FRAMES)
    topic = rng.choice(product.features) if "{topic}" in frame else None
    return Prompt(frame.format(thing=thing, topic=topic.word if topic else ""), product, topic)


def write_review(prompt: Prompt, rng: random.Random) -> str:
    """Sample a review of one to four sentences with a stance (for, against, or mixed), as text.

    No opinion word occurs twice in a review, and if the prompt asks for a feature, the review starts with it.
    """
    count = rng.choices((1, 2, 3, 4), (15, 35, 35, 15))[0]
    stance = rng.choice(_STANCES)
    used: set[str] = set()
    review: list[str] = []
    for index in range(count):
        agrees = rng.random() < (0.5 if stance == "mixed" else 0.95)
        polarity = "good" if agrees == (stance != "bad") else "bad"
        start = "REMARK" if index == 0 and prompt.topic is None and rng.random() < 0.25 else f"SENTENCE.{polarity}"
        topic = prompt.topic if index == 0 else None
        sentence = _fresh_sentence(grammar_of(prompt.product, topic), start, topic, used, rng)
        used.update(GRADES.keys() & set(sentence))
        review += sentence
    return join_words(review)


def _fresh_sentence(
    grammar: Grammar, start: str, topic: Noun | None, used: set[str], rng: random.Random, tries: int = 30
) -> list[str]:
    """A sentence without opinions used before, on the topic if there is one; the last draw if none is found."""
    for _ in range(tries):
        sentence = grammar.sample(start, rng)
        opinions = [word for word in sentence if word in GRADES]
        fresh = len(set(opinions)) == len(opinions) and not used & set(opinions)
        if fresh and (topic is None or topic.word in sentence):
            break
    return sentence


def product_of(text: str) -> Product | None:
    """The first product that a text names, or None.

    Example:
        >>> product_of("review of the red boots from juno:").word
        'boots'
    """
    return next((PRODUCTS[word] for word in split_words(text) if word in PRODUCTS), None)


def sentences_of(text: str) -> list[list[str]]:
    """The sentences of a text as words, each with its closing mark if it has one.

    Example:
        >>> sentences_of("it is great. the lid")
        [['it', 'is', 'great', '.'], ['the', 'lid']]
    """
    sentences: list[list[str]] = [[]]
    for word in split_words(text):
        sentences[-1].append(word)
        if word in ".!?":
            sentences.append([])
    return [sentence for sentence in sentences if sentence]


def is_sentence(words: list[str], product: Product | None = None) -> bool:
    """Whether the words are a sentence of this language about ``product`` (None: about any product)."""
    subjects = [product] if product else list(PRODUCTS.values())
    return any(grammar_of(subject, opinionated=False).accepts(words, "SENTENCE") for subject in subjects)


def grammatical_share(prompt: str, response: str) -> float:
    """Share in [0, 1] of the response's sentences that the grammar accepts for the prompt's product.

    Example:
        >>> grammatical_share("review of the kettle:", "it is great. kettle the good.")
        0.5
    """
    product, sentences = product_of(prompt), sentences_of(response)
    return sum(is_sentence(words, product) for words in sentences) / max(len(sentences), 1)
