"""Which evaluations of a search no other one beats, and how much of the plane they cover."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["hypervolume", "pareto_front"]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points that no other one beats, from the smallest cost to the largest.

    A point is beaten by one whose gain is not smaller and whose cost is not larger, and that is better in one of them;
    of equal points the first stays.

    Args:
        points: gain (larger is better) and cost (smaller is better) of each.

    Example:
        >>> pareto_front([(0.5, 10), (0.6, 10), (0.7, 40), (0.6, 50)])
        [1, 2]
    """
    kept: list[int] = []
    for place in sorted(range(len(points)), key=lambda each: (points[each][1], -points[each][0], each)):
        if not kept or points[place][0] > points[kept[-1]][0]:
            kept.append(place)
    return kept


def hypervolume(points: Sequence[tuple[float, float]], gain: float, cost: float) -> float:
    """Area that is beaten by the points and beats a corner; it never falls when a point is added.

    Args:
        points: see `pareto_front`.
        gain: of the corner; points that gain less count as nothing.
        cost: of the corner; points that cost more count as nothing.

    Example:
        >>> hypervolume([(0.6, 10), (0.7, 40)], gain=0.5, cost=50)
        5.0
    """
    inside = [each for each in points if each[0] > gain and each[1] < cost]
    front = [inside[place] for place in pareto_front(inside)]
    ends = [*(each[1] for each in front[1:]), *([cost] if front else [])]
    return round(sum((point[0] - gain) * (end - point[1]) for point, end in zip(front, ends, strict=True)), 12)
