"""Derivation of new losses near a known one: all losses that prefer the winner, ordered by entailment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penchant.objectives.logic.known import KNOWN, KnownLoss
from penchant.objectives.logic.structures import Structure, all_structures

__all__ = ["Neighbour", "neighbours", "preference_losses", "relation"]


@dataclass(frozen=True)
class Neighbour:
    """A loss in the neighbourhood of another.

    Args:
        structure: its formulas about the policy, without reference.
        relation: relation of the other loss to it: ``entails it``, ``is entailed by it``, ``is equivalent to it``, or
            ``neither``.
        distance: number of differing worlds of top and bottom, out of four each.
        ids: known losses with the same formulas; empty for a new loss.
    """

    structure: Structure
    relation: str
    distance: int
    ids: tuple[str, ...]


def preference_losses() -> Iterator[Structure]:
    """All structures without reference that prefer the winner: 16 of 256.

    Of the four worlds, "winner and not loser" is in top only and "loser and not winner" in bottom only; the other two
    are free.

    Example:
        >>> len(list(preference_losses()))
        16
    """
    yield from (each for each in all_structures() if each.is_preference)


def relation(first: Structure, second: Structure) -> str:
    """The relation of the first loss to the second, to be read as "first ... second".

    Example:
        >>> relation(KNOWN["orpo"].structure, KNOWN["uncpo"].structure)
        'entails it'
    """
    forth, back = first.entails(second), second.entails(first)
    if forth and back:
        return "is equivalent to it"
    return "entails it" if forth else "is entailed by it" if back else "neither"


def neighbours(loss: KnownLoss) -> list[Neighbour]:
    """All losses that prefer the winner, ordered by similarity to a known loss.

    Losses related by entailment come before those that are not; the comparison is without the reference.

    Args:
        loss: the known loss.

    Returns:
        All other losses.

    Example:
        >>> from penchant.objectives.logic.known import known
        >>> found = neighbours(known("cpo"))
        >>> len(found), found[0].distance, found[0].relation
        (15, 1, 'entails it')
    """
    found = []
    for each in preference_losses():
        differing = (each.top ^ loss.base.top, each.bottom ^ loss.base.bottom)
        # Each world of two atoms corresponds to four worlds of all atoms.
        distance = sum(part.worlds.bit_count() for part in differing) // 4
        if distance:
            ids = tuple(other.id for other in KNOWN.values() if other.base == each)
            found.append(Neighbour(each, relation(loss.base, each), distance, ids))
    return sorted(found, key=lambda each: (each.relation == "neither", each.distance, each.relation))
