"""`knock_out`: the best and the worst of several candidates from few comparisons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Bracket", "knock_out"]

#: The probability that candidate i beats candidate j.
Beats = Callable[[int, int], float]


@dataclass
class Bracket:
    """The outcome of a tournament.

    Args:
        best: index of the winner.
        worst: index of the last of the losers.
        played: the probability that i beats j, for the pairs (i, j) that were compared.
    """

    best: int
    worst: int
    played: dict[tuple[int, int], float] = field(default_factory=dict)


def knock_out(count: int, beats: Beats) -> Bracket | None:
    """Find the best and the worst by elimination; the losers of the first round play for the last place.

    Eight candidates cost at most eleven comparisons (4, then 2 + 1 among the winners and 2 + 1 among the losers, then
    best against worst), not the 28 of all pairs. Where the number is odd, one candidate waits, and is in both brackets.

    Args:
        count: number of candidates.
        beats: asked once for every pair that meets; of a tie the first one wins.

    Returns:
        The bracket; None for fewer than two candidates.

    Example:
        >>> strength = [0.3, 0.9, 0.5, 0.1, 0.2, 0.8, 0.7, 0.4]
        >>> bracket = knock_out(8, lambda i, j: float(strength[i] > strength[j]))
        >>> bracket.best, bracket.worst, len(bracket.played)
        (1, 3, 11)

    Reference:
        Zhang et al. (2024), Iterative Nash Policy Optimization, section 5.
    """
    if count < 2:
        return None
    played: dict[tuple[int, int], float] = {}

    def won(first: int, second: int) -> bool:
        if (second, first) in played:
            return not played[second, first] >= 0.5
        if (first, second) not in played:
            played[first, second] = beats(first, second)
        return played[first, second] >= 0.5

    def round_of(members: Sequence[int]) -> tuple[list[int], list[int]]:
        winners, losers = [], []
        for first, second in zip(members[::2], members[1::2], strict=False):
            better = won(first, second)
            winners.append(first if better else second)
            losers.append(second if better else first)
        waiting = list(members[-1:]) if len(members) % 2 else []
        return winners + waiting, losers + waiting

    above, below = round_of(range(count))
    while len(above) > 1:
        above, _lost = round_of(above)
    while len(below) > 1:
        _won, below = round_of(below)
    best, worst = above[0], below[0]
    if best != worst:
        won(best, worst)
    return Bracket(best, worst, played)
