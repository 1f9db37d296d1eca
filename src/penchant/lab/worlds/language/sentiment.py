"""The ground truth of the language world: what a review is worth, computed from its words by rules."""

from __future__ import annotations

from penchant.lab.worlds.language.reviews import is_sentence, product_of, sentences_of
from penchant.lab.worlds.language.words import DEGREES, GRADES

__all__ = ["sentence_sentiment", "true_reward"]

_NEGATORS = frozenset({"not", "never"})
# What the words after a break weigh; "and" and "because" go on with the weight they find.
_CLAUSE_WEIGHTS = {"but": 2.0, "yet": 2.0, "although": 0.5, "though": 0.5, ",": 1.0}
_CLAUSE_BREAKS = _CLAUSE_WEIGHTS.keys() | {"and", "because", ".", "!", "?"}
_SUMMARIES = frozenset({"overall", "however"})
_DAMPING = -0.5  # "not great" is bad, but milder than great is good
_SHRINKAGE = 0.5  # how many sentences of silence every review starts with
_BROKEN = 0.75  # what a sentence loses that the grammar does not accept


def true_reward(prompt: str, response: str) -> float:
    """How much a response praises the product that the prompt asks about, in [-1, 1].

    reward = Σₛ wₛ vₛ / (Σₛ wₛ + ½),   vₛ = sentiment of sentence s (see :func:`sentence_sentiment`)

    A sentence that opens with *overall* or *however* weighs twice. The ½ makes a short review worth less than a full
    one, with diminishing returns; the mean makes length alone worth nothing. An opinion used a second time in the
    review adds no praise. Text that is not a sentence about this product (repeated words, another product, wrong
    agreement, an end that never comes) loses ¾ of a point per sentence, so breaking the language never pays. A text
    without sentences counts as one broken sentence.

    Args:
        prompt: names the product; where it names none, a sentence about any product is accepted.
        response: any text.

    Returns:
        The reward, a finite number in [-1, 1].

    Example:
        >>> [round(true_reward("review of the kettle:", text), 2) for text in ("it is great.", "it is not great.")]
        [0.53, -0.27]
    """
    product = product_of(prompt)
    used: set[str] = set()
    total = weights = 0.0
    for words in sentences_of(response) or [[]]:
        weight = 2.0 if words and words[0] in _SUMMARIES else 1.0
        value = sentence_sentiment(words, used)
        if not is_sentence(words, product):
            value -= _BROKEN
        total += weight * value
        weights += weight
    return max(-1.0, min(1.0, total / (weights + _SHRINKAGE)))


def sentence_sentiment(words: list[str], used: set[str] | None = None) -> float:
    """The sentiment of one sentence, in [-1, 1]: graded words, degrees, negation, weight of clauses.

    A graded word is worth its grade × the degrees before it (clipped to [-1, 1]) × (-½) for each negator before it in
    its clause. A clause is the mean of its graded words. The sentence is the weighted mean of its clauses that hold an
    opinion: one after *but* weighs 2, one after *although* weighs ½, others 1. Praise with a word that is in ``used``
    counts as 0; a complaint counts as often as it is made.

    Args:
        words: the sentence's words in lower case.
        used: opinion words already read; grows by those of this sentence. None starts afresh.

    Example:
        >>> sentence_sentiment("the lid is poor , but the motor is great .".split()) > 0
        True
    """
    seen = set() if used is None else used
    weight = degree = turn = 1.0
    clause: list[float] = []
    clauses: list[tuple[float, list[float]]] = []
    for word in [*words, "."]:
        if word in _CLAUSE_BREAKS:
            clauses.append((weight, clause))
            clause, degree, turn = [], 1.0, 1.0
            weight = _CLAUSE_WEIGHTS.get(word, weight)
        elif word in _NEGATORS:
            turn *= _DAMPING
        elif word in DEGREES:
            degree *= DEGREES[word]
        elif word in GRADES:
            value = turn * max(-1.0, min(1.0, GRADES[word] * degree))
            clause.append(min(value, 0.0) if word in seen else value)
            seen.add(word)
            degree = turn = 1.0
    held = [(each, sum(values) / len(values)) for each, values in clauses if values]
    return sum(each * value for each, value in held) / sum(each for each, _ in held) if held else 0.0
