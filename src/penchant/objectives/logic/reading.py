"""Parsing of formulas such as ``M(l) implies M(w)`` to propositions."""

from __future__ import annotations

import re

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.logic.propositions import ATOMS, FALSE, TRUE, Proposition, atom

__all__ = ["read_formula"]

_TOKEN = re.compile(r"([MR])\s*\(\s*(\w+)\s*\)|(<->|<=>|->|=>|[()&|~!^¬∧∨→↔⊕⊤⊥])|(\w+)|(\S)")
_SAME = {
    "not": "~!¬",
    "and": "&∧",
    "or": "|∨",
    "xor": "^⊕",
    "implies": ("->", "=>", "→"),
    "iff": ("<->", "<=>", "↔"),
    "true": "⊤",
    "false": "⊥",
}
_WORDS = {sign: word for word, signs in _SAME.items() for sign in signs}
_HOW = (
    "Write the atoms M(w), M(l), R(w), R(l) with not, and, or, xor, implies, iff, true, false and brackets, "
    "for example 'M(l) implies M(w)'."
)


def read_formula(text: str) -> Proposition:
    """Read a formula over the atoms M(w), M(l), R(w), R(l).

    Precedence, from the tightest: ``not``, ``and``, ``or`` and ``xor``, ``implies`` (right-associative), ``iff``.
    Symbols also work: ``~ & | ^ -> <->`` and ``¬ ∧ ∨ ⊕ → ↔ ⊤ ⊥``.

    Args:
        text: the formula.

    Returns:
        The worlds in which it holds.

    Raises:
        ConfigurationError: it does not parse; the message names the position and the nearest known word.

    Example:
        >>> read_formula("M(l) -> M(w)") == read_formula("not M(l) or M(w)")
        True
    """
    reader = _Reader(text)
    found = reader.iff()
    if reader.at < len(reader.tokens):
        raise reader.wrong("expected the end of the formula")
    return found


class _Reader:
    """Recursive-descent parser with one method per precedence level."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens: list[tuple[str, int]] = []
        for match in _TOKEN.finditer(text):
            start = match.start()
            if match[1]:
                self.tokens.append((f"{match[1]}({match[2]})", start))
            else:
                sign = match[3] or match[4] or match[5]
                self.tokens.append((_WORDS.get(sign, sign.lower()), start))

    def wrong(self, expected: str) -> ConfigurationError:
        word, place = self.tokens[self.at] if self.at < len(self.tokens) else ("its end", len(self.text))
        known = [*ATOMS, *_SAME]
        hint = nearest(word, known) if word.isalpha() or word[:2] in ("M(", "R(") else ""
        found = f"{word!r} at character {place + 1}" if self.at < len(self.tokens) else word
        return ConfigurationError(
            f"{self.text!r} is not a formula: found {found}, {expected}. {hint}".rstrip(), where="formula", fix=_HOW
        )

    def take(self, *words: str) -> str:
        """Consume and return the next token if it is one of ``words``; otherwise return an empty string."""
        if self.at < len(self.tokens) and self.tokens[self.at][0] in words:
            self.at += 1
            return self.tokens[self.at - 1][0]
        return ""

    def iff(self) -> Proposition:
        left = self.implication()
        while self.take("iff"):
            left = ~(left ^ self.implication())
        return left

    def implication(self) -> Proposition:
        left = self.disjunction()
        return left.implies(self.implication()) if self.take("implies") else left

    def disjunction(self) -> Proposition:
        left = self.conjunction()
        while word := self.take("or", "xor"):
            right = self.conjunction()
            left = left | right if word == "or" else left ^ right
        return left

    def conjunction(self) -> Proposition:
        left = self.negation()
        while self.take("and"):
            left = left & self.negation()
        return left

    def negation(self) -> Proposition:
        if self.take("not"):
            return ~self.negation()
        if self.take("("):
            inner = self.iff()
            if not self.take(")"):
                raise self.wrong("expected ')'")
            return inner
        if word := self.take("true", "false"):
            return TRUE if word == "true" else FALSE
        if word := self.take(*ATOMS):
            return atom(word)
        raise self.wrong("expected an atom, 'not' or '('")
