"""Which two responses to a prompt are compared, from their rewards alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

__all__ = ["PAIR_RULES", "select_pairs"]

Pair = tuple[int, int]
Rule = Callable[[Sequence[float], Sequence[float]], list[Pair]]


def _order(values: Sequence[float]) -> list[int]:
    """Places from the lowest value to the highest; of equal ones the first comes first."""
    return sorted(range(len(values)), key=lambda place: values[place])


def _best(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda place: (values[place], -place))


def _worst(values: Sequence[float]) -> int:
    return _order(values)[0]


def _best_worst(rewards: Sequence[float], ranked_by: Sequence[float]) -> list[Pair]:
    return [(_best(ranked_by), _worst(ranked_by))]


def _best_other(rewards: Sequence[float], ranked_by: Sequence[float]) -> list[Pair]:
    best = _best(ranked_by)
    return [(best, 1 if best == 0 else 0)]


def _best_second(rewards: Sequence[float], ranked_by: Sequence[float]) -> list[Pair]:
    order = _order(ranked_by)
    return [(order[-1], order[-2])]


def _first_two(rewards: Sequence[float], ranked_by: Sequence[float]) -> list[Pair]:
    return [(0, 1)]


def _all(rewards: Sequence[float], ranked_by: Sequence[float]) -> list[Pair]:
    places = range(len(rewards))
    return [(first, second) for first in places for second in places if first < second]


#: Candidates for (chosen, rejected), from rewards and what responses are ranked by; the rewards decide their order.
PAIR_RULES: dict[str, Rule] = {
    "best_worst": _best_worst,
    "best_other": _best_other,
    "best_second": _best_second,
    "first_two": _first_two,
    "all": _all,
}


def select_pairs(
    rule: str,
    rewards: Sequence[float],
    *,
    lengths: Sequence[int] = (),
    length_penalty: float = 0.0,
    threshold: float | None = None,
) -> list[Pair]:
    """The pairs (chosen, rejected) of one prompt.

    Candidates are picked by reward − length_penalty · length; which of two is chosen is decided by the reward alone,
    and equal rewards make no pair. So every pair has a margin above 0.

    Args:
        rule: ``best_worst``; ``best_other`` (best and the first other one); ``best_second``; ``first_two``; ``all``.
        rewards: K rewards; NaN for a response that takes no part.
        lengths: of the responses, in any unit, where there is a penalty.
        length_penalty: reward a unit of length.
        threshold: where given, only pairs of one reward at least as high and one below it.

    Returns:
        Indices of chosen and rejected; empty where nothing tells two responses apart.

    Example:
        >>> select_pairs("best_worst", [0.2, 0.9, 0.1]), select_pairs("all", [1.0, 0.0, 0.0])
        ([(1, 2)], [(0, 1), (0, 2)])
    """
    known = [place for place, reward in enumerate(rewards) if not math.isnan(reward)]
    if len(known) < 2:
        return []
    kept = [rewards[place] for place in known]
    sizes = [lengths[place] if length_penalty else 0 for place in known]
    ranked_by = [reward - length_penalty * size for reward, size in zip(kept, sizes, strict=True)]
    pairs = []
    for first, second in PAIR_RULES[rule](kept, ranked_by):
        better, worse = (first, second) if kept[first] > kept[second] else (second, first)
        if kept[better] == kept[worse] or (threshold is not None and not kept[better] >= threshold > kept[worse]):
            continue
        pairs.append((known[better], known[worse]))
    return pairs
