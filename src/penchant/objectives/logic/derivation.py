"""New losses near a known one: every way to prefer the winner, ordered by entailment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penchant.objectives.logic.known import KNOWN, KnownLoss
from penchant.objectives.logic.structures import Structure, all_structures

__all__ = ["Neighbour", "neighbours", "preference_losses", "relation"]


@dataclass(frozen=True)
class Neighbour:
    """A loss beside another.

    Args:
        structure: what it says of the policy alone.
        relation: of the other loss to it: ``entails it``, ``is entailed by it``, ``is equivalent to it``, or
            ``neither``.
        distance: in how many places the two differ: worlds of top and worlds of bottom, of four each.
        ids: known losses that say the same; none for a new one.
    """

    structure: Structure
    relation: str
    distance: int
    ids: tuple[str, ...]


def preference_losses() -> Iterator[Structure]:
    """Every structure without reference that prefers the winner: 16 of 256.

    Of the four worlds, "winner and not loser" is in top alone and "loser and not winner" in bottom alone; the other two
    are free.

    Example:
        >>> len(list(preference_losses()))
        16
    """
    yield from (each for each in all_structures() if each.is_preference)


def relation(first: Structure, second: Structure) -> str:
    """How the first loss stands to the second, read as "first ... second".

    Example:
        >>> relation(KNOWN["orpo"].structure, KNOWN["uncpo"].structure)
        'entails it'
    """
    forth, back = first.entails(second), second.entails(first)
    if forth and back:
        return "is equivalent to it"
    return "entails it" if forth else "is entailed by it" if back else "neither"


def neighbours(loss: KnownLoss) -> list[Neighbour]:
    """All losses that prefer the winner, those that are most like a known loss first.

    Losses related by entailment come before those that are not; the comparison is without the reference.

    Args:
        loss: where to start.

    Returns:
        The losses other than itself.

    Example:
        >>> from penchant.objectives.logic.known import known
        >>> found = neighbours(known("cpo"))
        >>> len(found), found[0].distance, found[0].relation
        (15, 1, 'entails it')
    """
    found = []
    for each in preference_losses():
        differing = (each.top ^ loss.base.top, each.bottom ^ loss.base.bottom)
        # Each world of the two atoms stands for four of all atoms.
        distance = sum(part.worlds.bit_count() for part in differing) // 4
        if distance:
            ids = tuple(other.id for other in KNOWN.values() if other.base == each)
            found.append(Neighbour(each, relation(loss.base, each), distance, ids))
    return sorted(found, key=lambda each: (each.relation == "neither", each.distance, each.relation))
