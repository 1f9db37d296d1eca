"""The vocabulary of the language world: products, features, and graded opinion words.

Grades are in [-1, 1] and are the only numeric values of opinions: the grammar draws these words, and the reward looks
them up.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ADJECTIVES",
    "BRANDS",
    "COMPARATIVES",
    "DEGREES",
    "DESCRIPTORS",
    "GRADES",
    "MANNERS",
    "PEOPLE",
    "PRODUCTS",
    "VERBS",
    "Noun",
    "Product",
    "polar",
]


@dataclass(frozen=True)
class Noun:
    """A noun: its word, and whether it is plural.

    Example:
        >>> Noun("buttons", plural=True).number
        'many'
    """

    word: str
    plural: bool = False

    @property
    def number(self) -> str:
        return "many" if self.plural else "one"


@dataclass(frozen=True)
class Product(Noun):
    """A product with its features."""

    features: tuple[Noun, ...] = ()


def _nouns(words: str) -> tuple[Noun, ...]:
    """Nouns from a line of words; words in capitals are plural."""
    return tuple(Noun(word.lower(), plural=word.isupper()) for word in words.split())


# One line per kind of product: products : features. Capitals mark plurals.
_SHELVES = """
blender kettle toaster mixer grinder pan KNIVES SCISSORS : handle lid motor base BUTTONS BLADES
radio speaker microphone piano HEADPHONES EARBUDS        : sound battery volume cable CUSHIONS CONTROLS
laptop tablet keyboard printer monitor phone camera      : screen battery case software KEYS SPEAKERS
jacket coat sweater hat BOOTS GLOVES TROUSERS SOCKS      : fabric lining zip fit SEAMS POCKETS
chair desk lamp sofa mattress shelf CURTAINS             : frame surface finish cover LEGS SCREWS
tent bicycle backpack torch stove SKATES                 : frame grip strap bag WHEELS BUCKLES
drill hammer saw mower ladder hose SHEARS PLIERS         : grip motor blade switch TEETH HINGES
puzzle kite robot drum BLOCKS                            : design paint string box PIECES INSTRUCTIONS
"""


def _stock() -> dict[str, Product]:
    stock: dict[str, Product] = {}
    for shelf in _SHELVES.strip().splitlines():
        products, features = shelf.split(":")
        for noun in _nouns(products):
            stock[noun.word] = Product(noun.word, noun.plural, _nouns(features))
    return stock


PRODUCTS: dict[str, Product] = _stock()

DESCRIPTORS = tuple("red blue green black white silver small large new portable cordless folding wooden".split())
BRANDS = tuple("alba corvo juno lumen nordvik orla tarn vela".split())

ADJECTIVES: dict[str, float] = {
    **dict(perfect=1.0, superb=0.95, excellent=0.9, fantastic=0.9, wonderful=0.9, brilliant=0.9, amazing=0.85),
    **dict(great=0.8, impressive=0.7, lovely=0.7, delightful=0.7, elegant=0.6, good=0.6, reliable=0.6, clever=0.6),
    **dict(
        sturdy=0.5, nice=0.5, solid=0.5, pleasant=0.5, practical=0.45, useful=0.4, decent=0.3, fine=0.25, acceptable=0.2
    ),
    **dict(ordinary=-0.2, dull=-0.3, mediocre=-0.3, clumsy=-0.4, weak=-0.45, cheap=-0.4, flimsy=-0.5, annoying=-0.5),
    **dict(disappointing=-0.6, poor=-0.6, bad=-0.6, unreliable=-0.6, ugly=-0.6, faulty=-0.7, broken=-0.7, useless=-0.8),
    **dict(awful=-0.85, terrible=-0.9, horrible=-0.9, dreadful=-0.95, atrocious=-1.0, inferior=-0.5),
}
COMPARATIVES: dict[str, float] = {
    **dict(better=0.5, nicer=0.45, sturdier=0.45, stronger=0.4, smarter=0.4),
    **dict(worse=-0.5, weaker=-0.45, flimsier=-0.45, uglier=-0.5, poorer=-0.4),
}
MANNERS: dict[str, float] = {
    **dict(perfectly=1.0, beautifully=0.85, brilliantly=0.9, smoothly=0.6, well=0.6, reliably=0.6, nicely=0.5),
    **dict(badly=-0.6, poorly=-0.6, terribly=-0.9, miserably=-0.9, awkwardly=-0.4, horribly=-0.9),
}
# Singular (she loves) and plain (i love, they love) forms have the same grade.
VERBS: dict[str, tuple[str, float]] = {
    **dict(adore=("adores", 1.0), love=("loves", 0.9), enjoy=("enjoys", 0.7), praise=("praises", 0.7)),
    **dict(like=("likes", 0.5)),
    **dict(loathe=("loathes", -1.0), hate=("hates", -0.9), dislike=("dislikes", -0.6), regret=("regrets", -0.7)),
}
# The factor that an adverb of degree applies to the next word.
DEGREES: dict[str, float] = {
    **dict(extremely=1.5, incredibly=1.5, absolutely=1.5, very=1.3, really=1.25, truly=1.25, so=1.2, much=1.2),
    **dict(happily=1.2, quite=0.9, rather=0.85, fairly=0.75, somewhat=0.6, bit=0.6, slightly=0.5),
}
PEOPLE = _nouns("sister brother neighbour wife husband mother father FRIENDS CHILDREN PARENTS COLLEAGUES")

GRADES: dict[str, float] = {
    **ADJECTIVES,
    **COMPARATIVES,
    **MANNERS,
    **{verb: grade for verb, (_, grade) in VERBS.items()},
    **{singular: grade for singular, grade in VERBS.values()},
    "recommend": 0.6,
}


def polar(grades: dict[str, float], polarity: str) -> tuple[str, ...]:
    """The words of a table with a given polarity: ``"good"``, ``"bad"``, or ``"any"`` for both.

    Example:
        >>> polar({"fine": 0.2, "bad": -0.6}, "good")
        ('fine',)
    """
    return tuple(word for word, grade in grades.items() if polarity == "any" or (grade > 0) == (polarity == "good"))
