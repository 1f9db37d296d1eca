"""A weighted context-free grammar without recursion, for generation and recognition of sentences."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product as combinations

__all__ = ["Grammar", "expand", "join_words", "split_words"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[^\w\s]")
_ATTACHED = frozenset(".,:!?")


def split_words(text: str) -> list[str]:
    """Words and punctuation marks of a text, in lower case.

    Example:
        >>> split_words("The lid is great, really!")
        ['the', 'lid', 'is', 'great', ',', 'really', '!']
    """
    return _WORD.findall(text.lower())


def join_words(words: Iterable[str]) -> str:
    """Readable text from words: punctuation marks stand directly after the word before them.

    Example:
        >>> join_words(["great", ",", "really", "!"])
        'great, really!'
    """
    text = "".join(word if word in _ATTACHED else f" {word}" for word in words)
    return text.removeprefix(" ")


def expand(lines: str, variables: Mapping[str, Sequence[str]]) -> list[str]:
    """Expand rules with variables for every combination of values of the variables in each rule.

    Args:
        lines: one rule per line; ``$x`` stands for variable ``x``.
        variables: the values of each variable. A value may be ``"good/bad"``: then ``$x`` is the part before the slash
            and ``$-x`` the part after it, the opposite.

    Example:
        >>> expand("A.$p -> 1 not B.$-p", {"p": ["good/bad", "bad/good"]})
        ['A.good -> 1 not B.bad', 'A.bad -> 1 not B.good']
    """
    rules = []
    for line in filter(None, map(str.strip, lines.splitlines())):
        names = [name for name in variables if f"${name}" in line or f"$-{name}" in line]
        for values in combinations(*(variables[name] for name in names)):
            written = line
            for name, value in zip(names, values, strict=True):
                same, _, opposite = value.partition("/")
                written = written.replace(f"$-{name}", opposite).replace(f"${name}", same)
            rules.append(written)
    return rules


class Grammar:
    """Rules ``SYMBOL -> weight words and SYMBOLS``; names with capitals are symbols, all others are words.

    Args:
        rules: one alternative per rule, as text; weights are relative within a symbol.
        lexicon: symbols that expand to a uniformly drawn word of a list.

    Raises:
        ValueError: a rule uses an undefined symbol.

    Example:
        >>> grammar = Grammar(["S -> 1 the lid BE ADJ .", "BE -> 1 is"], {"ADJ": ["good", "bad"]})
        >>> grammar.accepts("the lid is bad .".split(), "S")
        True
        >>> grammar.sample("S", random.Random(0))[:3]
        ['the', 'lid', 'is']
    """

    def __init__(self, rules: Iterable[str], lexicon: Mapping[str, Sequence[str]]) -> None:
        self.lexicon = {symbol: tuple(words) for symbol, words in lexicon.items() if words}
        self._word_sets = {symbol: frozenset(words) for symbol, words in self.lexicon.items()}
        self._parts: dict[str, list[tuple[str, ...]]] = {}
        self._weights: dict[str, list[float]] = {}
        for rule in rules:
            symbol, _, right = rule.partition(" -> ")
            weight, *parts = right.split()
            self._parts.setdefault(symbol, []).append(tuple(parts))
            self._weights.setdefault(symbol, []).append(float(weight))
        used = {part for alternatives in self._parts.values() for parts in alternatives for part in parts}
        known = self._parts.keys() | self.lexicon.keys()
        if missing := sorted(part for part in used if part != part.lower() and part not in known):
            raise ValueError(f"The grammar uses undefined symbols: {', '.join(missing)}.")

    @property
    def words(self) -> frozenset[str]:
        """All words that the grammar can generate."""
        plain = {part for parts in self._parts.values() for one in parts for part in one if part == part.lower()}
        return frozenset(plain).union(*self._word_sets.values())

    def sample(self, symbol: str, rng: random.Random) -> list[str]:
        """Sample the words of a symbol."""
        if symbol in self.lexicon:
            return [rng.choice(self.lexicon[symbol])]
        if symbol not in self._parts:
            return [symbol]
        (parts,) = rng.choices(self._parts[symbol], self._weights[symbol])
        return [word for part in parts for word in self.sample(part, rng)]

    def accepts(self, words: Sequence[str], symbol: str) -> bool:
        """Whether the whole of ``words`` can be derived from ``symbol``."""
        return len(words) in self._ends(symbol, 0, words, {})

    def _ends(
        self, symbol: str, start: int, words: Sequence[str], memory: dict[tuple[str, int], frozenset[int]]
    ) -> frozenset[int]:
        """All positions where a derivation of ``symbol`` from ``start`` can end."""
        if symbol not in self._parts:
            fits = start < len(words) and words[start] in self._word_sets.get(symbol, (symbol,))
            return frozenset([start + 1]) if fits else frozenset()
        if (symbol, start) not in memory:
            found: set[int] = set()
            for parts in self._parts[symbol]:
                ends = {start}
                for part in parts:
                    ends = {end for begin in ends for end in self._ends(part, begin, words, memory)}
                    if not ends:
                        break
                found |= ends
            memory[symbol, start] = frozenset(found)
        return memory[symbol, start]
