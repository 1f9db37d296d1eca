"""Propositions about two responses, represented by the set of worlds in which they hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

__all__ = ["ATOMS", "FALSE", "POLICY_ATOMS", "TRUE", "Proposition", "atom", "from_worlds"]

#: The atoms: the policy (M) or the reference (R) accepts the winner (w) or the loser (l) as valid.
ATOMS = ("M(w)", "M(l)", "R(w)", "R(l)")
#: The atoms about the policy.
POLICY_ATOMS = ATOMS[:2]

_WORLDS = 2 ** len(ATOMS)
_ALL = 2**_WORLDS - 1


@dataclass(frozen=True)
class Proposition:
    """A set of worlds; a world assigns a truth value to each atom.

    World number i makes atom k true where bit k of i is set, and the proposition holds in world i where bit i of
    ``worlds`` is set. Equivalent formulas are equal: ``M(l) implies M(w)`` equals ``not M(l) or M(w)``.

    Args:
        worlds: the bits, over all four atoms.

    Example:
        >>> w, l = atom("M(w)"), atom("M(l)")
        >>> l.implies(w) == ~l | w, (w & l).entails(w), w.entails(w & l)
        (True, True, False)
    """

    worlds: int

    def __and__(self, other: Proposition) -> Proposition:
        return Proposition(self.worlds & other.worlds)

    def __or__(self, other: Proposition) -> Proposition:
        return Proposition(self.worlds | other.worlds)

    def __xor__(self, other: Proposition) -> Proposition:
        return Proposition(self.worlds ^ other.worlds)

    def __invert__(self) -> Proposition:
        return Proposition(_ALL & ~self.worlds)

    def implies(self, other: Proposition) -> Proposition:
        """The material implication: true where this is false or the other is true."""
        return ~self | other

    def entails(self, other: Proposition) -> bool:
        """Whether the other holds in every world in which this holds."""
        return self.worlds & ~other.worlds == 0

    def holds(self, true: Iterable[str]) -> bool:
        """Whether it holds in the world where exactly the atoms ``true`` are true."""
        return bool(self.worlds >> sum(1 << ATOMS.index(name) for name in true) & 1)

    def where(self, name: str, value: bool) -> Proposition:
        """The proposition conditioned on the value of one atom; it no longer depends on that atom."""
        return Proposition(_where(self.worlds, name, value))

    def of_reference(self) -> Proposition:
        """The same proposition about the reference: R(w) for M(w), R(l) for M(l)."""
        policy = 2 ** len(POLICY_ATOMS)
        return Proposition(sum((self.worlds >> number // policy & 1) << number for number in range(_WORLDS)))

    @property
    def atoms(self) -> tuple[str, ...]:
        """The atoms that it depends on, in order."""
        return tuple(name for name in ATOMS if self.where(name, True) != self.where(name, False))


@cache
def _where(worlds: int, name: str, value: bool) -> int:
    """The bits of `Proposition.where`; cached, since a loss needs the same few at each step."""
    place = 1 << ATOMS.index(name)
    world = [(number | place) if value else (number & ~place) for number in range(_WORLDS)]
    return sum((worlds >> world[number] & 1) << number for number in range(_WORLDS))


TRUE = Proposition(_ALL)
FALSE = Proposition(0)


def atom(name: str) -> Proposition:
    """The proposition that an atom is true.

    Args:
        name: one of `ATOMS`.

    Example:
        >>> atom("M(w)").holds(["M(w)", "R(l)"]), atom("M(w)").holds(["M(l)"])
        (True, False)
    """
    place = ATOMS.index(name)
    return Proposition(sum(1 << number for number in range(_WORLDS) if number >> place & 1))


def from_worlds(atoms: tuple[str, ...], worlds: int) -> Proposition:
    """The proposition that holds in the given worlds of some of the atoms, whatever the others are.

    Args:
        atoms: k atoms.
        worlds: 2ᵏ bits; in world i, the atom at place j is true where bit j of i is set.

    Example:
        >>> from_worlds(("M(w)", "M(l)"), 0b0010) == atom("M(w)") & ~atom("M(l)")
        True
    """
    places = [ATOMS.index(name) for name in atoms]
    short = [sum((number >> place & 1) << at for at, place in enumerate(places)) for number in range(_WORLDS)]
    return Proposition(sum((worlds >> short[number] & 1) << number for number in range(_WORLDS)))
