"""Verifiable constraints on a response: length, key words, form."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from penchant.curation.words import STOP_WORDS, bare, words_of

__all__ = ["Constraint", "altered", "candidates"]

_LIST_ITEM = re.compile(r"(?m)^[^\S\n]*(?:[-*•]|\d+[.)])\s+\S")


@dataclass(frozen=True)
class Constraint:
    """A constraint that a prompt states and a program checks on the response.

    Args:
        kind: ``most_words``, ``least_words``, ``keyword``, ``no_keyword``, ``list``, ``no_list``, ``question`` or
            ``no_question``.
        value: its number or word; empty if it has neither.

    Example:
        >>> short = Constraint("most_words", 3)
        >>> short.text, short.holds("Three words here."), short.holds("These are four words.")
        ('Use at most 3 words.', True, False)
    """

    kind: str
    value: int | str = ""

    @property
    def text(self) -> str:
        """The constraint as a sentence."""
        return _KINDS[self.kind][0].format(self.value)

    def holds(self, response: str) -> bool:
        """Whether a response satisfies it."""
        return _KINDS[self.kind][1](response, self.value)


def _has_word(response: str, word: int | str) -> bool:
    return str(word) in {bare(each) for each in words_of(response)}


def _is_list(response: str) -> bool:
    return len(_LIST_ITEM.findall(response)) >= 2


def _asks(response: str) -> bool:
    return response.rstrip().endswith("?")


_KINDS: dict[str, tuple[str, Callable[[str, int | str], bool]]] = {
    "most_words": ("Use at most {} words.", lambda response, most: len(words_of(response)) <= int(most)),
    "least_words": ("Use at least {} words.", lambda response, least: len(words_of(response)) >= int(least)),
    "keyword": ('Use the word "{}".', _has_word),
    "no_keyword": ('Do not use the word "{}".', lambda response, word: not _has_word(response, word)),
    "list": ("Answer with a list.", lambda response, _: _is_list(response)),
    "no_list": ("Do not answer with a list.", lambda response, _: not _is_list(response)),
    "question": ("End with a question.", lambda response, _: _asks(response)),
    "no_question": ("Do not end with a question.", lambda response, _: not _asks(response)),
}
_OPPOSITE = {"keyword": "no_keyword", "list": "no_list", "question": "no_question"}
_OPPOSITE |= {other: kind for kind, other in _OPPOSITE.items()}


def altered(constraint: Constraint, response: str) -> Constraint:
    """A constraint on the same subject that the response violates.

    Args:
        constraint: one that the response satisfies.
        response: the response.

    Example:
        >>> altered(Constraint("keyword", "tea"), "I like tea.").text
        'Do not use the word "tea".'
        >>> altered(Constraint("most_words", 5), "I like tea very much.").text
        'Use at least 10 words.'
    """
    if constraint.kind in _OPPOSITE:
        return Constraint(_OPPOSITE[constraint.kind], constraint.value)
    length = len(words_of(response))
    # Far from the true length, so that the two prompts clearly differ.
    if constraint.kind == "most_words":
        return Constraint("least_words", 2 * max(length, 1))
    return Constraint("most_words", max(1, (length - 1) // 2))


def candidates(response: str, other: str, rng: random.Random) -> list[Constraint]:
    """Constraints that a response satisfies, one per subject, in random order.

    Within a subject, constraints that ``other`` violates are preferred: the key word is one that the
    other response does not have, and the length is bounded on the side of the other response.

    Args:
        response: a response that is not empty.
        other: the other response of the pair.
        rng: draws the key word, the bounds and the order.

    Example:
        >>> [each.text for each in candidates("Tea.", "I would rather not say.", random.Random(0)) if each.value]
        ['Use at most 4 words.', 'Use the word "tea".']
    """
    own = [word for word in dict.fromkeys(map(bare, words_of(response))) if len(word) > 2 and word not in STOP_WORDS]
    theirs = {bare(word) for word in words_of(other)}
    telling = [word for word in own if word not in theirs]
    length, gap = len(words_of(response)), len(words_of(other)) - len(words_of(response))
    found = [
        Constraint("list" if _is_list(response) else "no_list"),
        Constraint("question" if _asks(response) else "no_question"),
    ]
    if words := telling or own:
        found.append(Constraint("keyword", rng.choice(words)))
    # A bound between the two lengths, or some distance away if they are equal.
    room = rng.randint(0, max(abs(gap) - 1, 0)) if gap else max(1, length // 5)
    found.append(Constraint("most_words", length + room) if gap >= 0 else Constraint("least_words", length - room))
    rng.shuffle(found)
    return found
