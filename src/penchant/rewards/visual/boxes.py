"""Overlaps of boxes [x1, y1, x2, y2]."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Box", "generalised_overlap", "overlap"]

Box = Sequence[float]


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _common(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, in [0, 1]; 0 for two empty boxes.

    Example:
        >>> overlap([0, 0, 2, 2], [1, 0, 3, 2])
        0.3333333333333333
    """
    common = _common(one, other)
    union = _area(one) + _area(other) - common
    return common / union if union > 0 else 0.0


def generalised_overlap(one: Box, other: Box) -> float:
    """Intersection over union, minus the share of the enclosing box that neither covers, in (−1, 1].

    Example:
        >>> generalised_overlap([0, 0, 1, 1], [2, 0, 3, 1])
        -0.3333333333333333

    Reference:
        Rezatofighi et al. (2019), Generalized Intersection over Union.
    """
    union = _area(one) + _area(other) - _common(one, other)
    hull = _area((min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])))
    return overlap(one, other) - ((hull - union) / hull if hull > 0 else 0.0)
