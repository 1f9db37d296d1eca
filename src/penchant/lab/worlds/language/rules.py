"""The grammar of reviews, built per product.

Sentences agree in number with the product (``the kettle is``, ``the boots are``, ``it``, ``they``), mention its
features, and argue with *and*, *but*, *although*, *because*, negation and degrees.
"""

from __future__ import annotations

from functools import cache

from penchant.lab.worlds.language.grammar import Grammar, expand
from penchant.lab.worlds.language.words import (
    ADJECTIVES,
    COMPARATIVES,
    DEGREES,
    MANNERS,
    PEOPLE,
    VERBS,
    Noun,
    Product,
    polar,
)

__all__ = ["grammar_of"]

# $n: number of the product; $f: of a feature; $m: of a person; $p: polarity, $-p: opposite polarity.
_RULES = """
SENTENCE -> 1 SENTENCE.$p
SENTENCE -> 1 REMARK
SENTENCE.$p -> 7 CLAUSE.$p .
SENTENCE.$p -> 2 CLAUSE.$p , and CLAUSE.$p .
SENTENCE.$p -> 2 CLAUSE.$-p , but CLAUSE.$p .
SENTENCE.$p -> 1 although CLAUSE.$-p , CLAUSE.$p .
SENTENCE.$p -> 1 CLAUSE.$p because CLAUSE.$p .
SENTENCE.$p -> 2 OPENER , CLAUSE.$p .
SENTENCE.$p -> 1 EVENT , and CLAUSE.$p .
SENTENCE.$p -> 1 after TIME , CLAUSE.$p .
SENTENCE.$p -> 1 what KIND.$p !
REMARK -> 1 EVENT .
EVENT -> 2 i bought OBJECT.self TIME ago
EVENT -> 1 SUBJECT arrived TIME ago
EVENT -> 1 my OWNER chose OBJECT.self TIME ago
EVENT -> 1 we use OBJECT.self every DAY
OPENER -> 2 overall
OPENER -> 2 however
OPENER -> 1 honestly
OPENER -> 1 in short
OPENER -> 1 for the price
TIME -> 1 NUMBER PERIODS
TIME -> 1 a PERIOD
CLAUSE.$p -> 4 SUBJECT BE.$n VIEW.$p
CLAUSE.$p -> 5 PART.$f BE.$f VIEW.$p
CLAUSE.$p -> 2 PART.$f SEEM.$f FEELING.$p
CLAUSE.$p -> 2 i VERB.many.$p OBJECT
CLAUSE.$p -> 1 i do not VERB.many.$-p OBJECT
CLAUSE.$p -> 1 my PERSON.$m VERB.$m.$p OBJECT
CLAUSE.$p -> 2 SUBJECT WORK.$n HOW.$p
CLAUSE.$p -> 1 SUBJECT DO.$n not WORK.many MANNER.$-p
CLAUSE.$p -> 1 SUBJECT never WORK.$n MANNER.$-p
CLAUSE.$p -> 1 PRONOUN BE.$n KIND.$p
CLAUSE.$p -> 1 SUBJECT BE.$n BETTER.$p than BEFORE
CLAUSE.$p -> 2 i RECOMMEND.$p OBJECT.self
CLAUSE.$p -> 1 i RECOMMEND.$p OBJECT.self to my PERSON.$m
RECOMMEND.good -> 2 would recommend
RECOMMEND.good -> 1 would happily recommend
RECOMMEND.good -> 1 really recommend
RECOMMEND.bad -> 2 would not recommend
RECOMMEND.bad -> 1 would never recommend
RECOMMEND.bad -> 1 do not recommend
FEELING.$p -> 1 ADJECTIVE.$p
FEELING.$p -> 1 DEGREE ADJECTIVE.$p
VIEW.$p -> 9 FEELING.$p
VIEW.$p -> 1 a bit ADJECTIVE.$p
VIEW.$p -> 1 not ADJECTIVE.$-p
VIEW.$p -> 1 not very ADJECTIVE.$-p
VIEW.$p -> 1 ADJECTIVE.$p and ADJECTIVE.$p
HOW.$p -> 2 MANNER.$p
HOW.$p -> 1 very MANNER.$p
HOW.$p -> 1 really MANNER.$p
BETTER.$p -> 2 COMPARATIVE.$p
BETTER.$p -> 1 much COMPARATIVE.$p
BETTER.$p -> 1 slightly COMPARATIVE.$p
PART.$f -> 7 the FEATURE.$f
PART.$f -> 1 the FEATURE.$f of THING
OBJECT -> 2 OBJECT.self
OBJECT -> 1 PART.$f
"""
_SINGULAR = """
SUBJECT -> 1 PRONOUN
PRONOUN -> 1 it
SUBJECT -> 1 THING
OBJECT.self -> 1 it
OBJECT.self -> 1 THING
THING -> 2 the PRODUCT
THING -> 1 this PRODUCT
KIND.$p -> 2 a CONSONANT.$p PRODUCT
KIND.$p -> 1 an VOWEL.$p PRODUCT
BEFORE -> 1 the old one
BEFORE -> 1 i expected
"""
_PLURAL = """
SUBJECT -> 1 PRONOUN
PRONOUN -> 1 they
SUBJECT -> 1 THING
OBJECT.self -> 1 them
OBJECT.self -> 1 THING
THING -> 2 the PRODUCT
THING -> 1 these PRODUCT
KIND.$p -> 1 ADJECTIVE.$p PRODUCT
BEFORE -> 1 the old ones
BEFORE -> 1 i expected
"""
# For recognition, polarity does not matter and clauses need no opinion: a single polarity, its own opposite.
_EITHER = """
RECOMMEND.any -> 1 RECOMMEND.good
RECOMMEND.any -> 1 RECOMMEND.bad
CLAUSE.any -> 1 EVENT
"""
_POLARITIES = ("good/bad", "bad/good")


def _numbered(nouns: tuple[Noun, ...], number: str) -> tuple[str, ...]:
    return tuple(noun.word for noun in nouns if noun.number == number)


def _takes_an(word: str) -> bool:
    """Whether a word takes the article *an*: an ugly hat, a useful hat."""
    return word[0] in "aeiou" and not word.startswith("use")


def _lexicon(product: Product, features: tuple[Noun, ...]) -> dict[str, tuple[str, ...]]:
    lexicon: dict[str, tuple[str, ...]] = {
        "PRODUCT": (product.word,),
        "BE.one": ("is", "was"),
        "BE.many": ("are", "were"),
        "SEEM.one": ("seems", "looks", "feels"),
        "SEEM.many": ("seem", "look", "feel"),
        "WORK.one": ("works", "performs"),
        "WORK.many": ("work", "perform"),
        "DO.one": ("does",),
        "DO.many": ("do",),
        "NUMBER": ("two", "three", "four", "six"),
        "PERIODS": ("days", "weeks", "months", "years"),
        "PERIOD": ("day", "week", "month", "year"),
        "DAY": ("day", "morning", "evening", "weekend"),
        "OWNER": tuple(person.word for person in PEOPLE),
        "DEGREE": tuple(word for word in DEGREES if word not in ("bit", "much", "happily")),
    }
    for number in ("one", "many"):
        lexicon[f"FEATURE.{number}"] = _numbered(features, number)
        lexicon[f"PERSON.{number}"] = _numbered(PEOPLE, number)
    for polarity in ("good", "bad", "any"):
        adjectives = polar(ADJECTIVES, polarity)
        plain = polar({verb: grade for verb, (_, grade) in VERBS.items()}, polarity)
        lexicon[f"ADJECTIVE.{polarity}"] = adjectives
        lexicon[f"VOWEL.{polarity}"] = tuple(filter(_takes_an, adjectives))
        lexicon[f"CONSONANT.{polarity}"] = tuple(word for word in adjectives if not _takes_an(word))
        lexicon[f"MANNER.{polarity}"] = polar(MANNERS, polarity)
        lexicon[f"COMPARATIVE.{polarity}"] = polar(COMPARATIVES, polarity)
        lexicon[f"VERB.many.{polarity}"] = plain
        lexicon[f"VERB.one.{polarity}"] = tuple(VERBS[verb][0] for verb in plain)
    return lexicon


@cache
def grammar_of(product: Product, topic: Noun | None = None, *, opinionated: bool = True) -> Grammar:
    """The grammar of sentences about one product, or about one of its features.

    Args:
        product: one of :data:`~penchant.lab.worlds.language.words.PRODUCTS`.
        topic: restricts sentences to this feature; None allows all features of the product.
        opinionated: True for generation (``SENTENCE.good`` and ``SENTENCE.bad`` argue coherently); False for
            recognition (``SENTENCE`` is any sentence, coherent or not).

    Example:
        >>> from penchant.lab.worlds.language.words import PRODUCTS
        >>> grammar = grammar_of(PRODUCTS["boots"], opinionated=False)
        >>> [grammar.accepts(text.split(), "SENTENCE") for text in ("they are great .", "it is great .")]
        [True, False]
    """
    features = (topic,) if topic else product.features
    variables = {
        "n": (product.number,),
        "f": tuple(sorted({feature.number for feature in features})),
        "m": ("one", "many"),
        "p": _POLARITIES if opinionated else ("any/any",),
    }
    lines = _RULES + (_PLURAL if product.plural else _SINGULAR) + ("" if opinionated else _EITHER)
    return Grammar(expand(lines, variables), _lexicon(product, features))
