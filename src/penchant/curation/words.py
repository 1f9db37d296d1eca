"""Words of a text: splitting, normalizing, stop words."""

from __future__ import annotations

import re

__all__ = ["STOP_WORDS", "bare", "words_of"]

_SIGNS = re.compile(r"\W*")

#: English stop words.
STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each few for
    from further get got had hadn't has hasn't have haven't having he her here hers herself him himself his how i i'd
    i'll i'm i've if in into is isn't it it's its itself just let's like ll may me might more most much must my myself
    no nor not of off on once one only or other our ours ourselves out over own same shall she should shouldn't so some
    such than that that's the their theirs them themselves then there there's these they they're this those through to
    too under until up upon us ve very was wasn't we we're well were weren't what what's when where which while who
    whom why will with won't would wouldn't yes you you'd you'll you're you've your yours yourself yourselves""".split()
)


def words_of(text: str) -> list[str]:
    """The words of a text, each with attached punctuation.

    Example:
        >>> words_of("Well, *yes* - no!")
        ['Well,', '*yes*', '-', 'no!']
    """
    return text.split()


def bare(word: str) -> str:
    """A word in lower case, without surrounding punctuation.

    Example:
        >>> bare('"Don’t,'), bare("-")
        ("don't", '')
    """
    start = _SIGNS.match(word).end()  # type: ignore[union-attr]
    end = len(word) - _SIGNS.match(word[::-1]).end()  # type: ignore[union-attr]
    return word[start:end].lower().replace("’", "'")
