"""The true reward of reviews, computed from their words by rules."""

from __future__ import annotations

from penchant.lab.worlds.language.reviews import is_sentence, product_of, sentences_of
from penchant.lab.worlds.language.words import DEGREES, GRADES

__all__ = ["sentence_sentiment", "true_reward"]

_NEGATORS = frozenset({"not", "never"})
# The weight of the words after a break; "and" and "because" keep the current weight.
_CLAUSE_WEIGHTS = {"but": 2.0, "yet": 2.0, "although": 0.5, "though": 0.5, ",": 1.0}
_CLAUSE_BREAKS = _CLAUSE_WEIGHTS.keys() | {"and", "because", ".", "!", "?"}
_SUMMARIES = frozenset({"overall", "however"})
_DAMPING = -0.5  # "not great" is bad, but milder than great is good
_SHRINKAGE = 0.5  # number of neutral sentences added to every review
_BROKEN = 0.75  # penalty of a sentence that the grammar rejects


def true_reward(prompt: str, response: str) -> float:
    """The sentiment of a response about the product in the prompt, in [-1, 1].

    reward = Σₛ wₛ vₛ / (Σₛ wₛ + ½),   vₛ = sentiment of sentence s (see :func:`sentence_sentiment`)

    A sentence that starts with *overall* or *however* has weight 2. The ½ shrinks the reward of short reviews, with
    diminishing returns; because of the mean, length alone has no value. An opinion that is repeated in the review adds
    no praise. Text that is not a sentence about this product (repeated words, another product, wrong agreement, no end)
    costs ¾ of a point per sentence, so breaking the grammar never pays. A text without sentences counts as one broken
    sentence.

    Args:
        prompt: names the product; if it names none, sentences about any product are accepted.
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
    """The sentiment of one sentence, in [-1, 1]: from graded words, degrees, negation and clause weights.

    The value of a graded word is its grade × the degrees before it (clipped to [-1, 1]) × (-½) for each negator before
    it in its clause. The value of a clause is the mean of its graded words. The value of the sentence is the weighted
    mean of its clauses with opinions: weight 2 after *but*, ½ after *although*, otherwise 1. Praise with a word in
    ``used`` counts as 0; complaints count every time.

    Args:
        words: the sentence's words in lower case.
        used: opinion words seen so far; those of this sentence are added. None for an empty set.

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
