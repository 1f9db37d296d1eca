"""Krippendorff's α for nominal, ordinal, interval and ratio ratings, with missing values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from penchant.errors import ConfigurationError, DataError, nearest

__all__ = ["LEVELS", "coincidences", "krippendorff_alpha"]

LEVELS = ("nominal", "ordinal", "interval", "ratio")

#: One list of values per item, without the missing ones.
Units = Sequence[Sequence[Any]]


def krippendorff_alpha(units: Units, level: str = "nominal") -> float:
    """Krippendorff's α: agreement of any number of raters, corrected for chance.

    α = 1 − (Σ_cd o_cd δ²_cd) / (Σ_cd n_c n_d δ²_cd / (n − 1)),   o_cd = Σ_units pairs(c, d) / (m_u − 1)

    δ² is 1[c ≠ d] (nominal), (Σ_{g=c..d} n_g − (n_c + n_d)/2)² (ordinal), (c − d)² (interval) or ((c − d)/(c + d))²
    (ratio).

    Args:
        units: the values of each item; items with fewer than two values are ignored.
        level: nominal, ordinal, interval or ratio. Values of all but nominal are numbers.

    Returns:
        α ≤ 1: 1 is full agreement, 0 what chance gives, below 0 systematic disagreement; NaN where all values are
        equal, since nothing could have differed.

    Raises:
        ConfigurationError: there is no such level.
        DataError: no item has two values, or a value is not a number where numbers are needed.

    Example:
        >>> round(krippendorff_alpha([[1, 1], [2, 2], [1, 2], [2, 2]]), 4)
        0.5333

    Reference:
        Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    if level not in LEVELS:
        raise ConfigurationError(f"There is no level {level!r}. {nearest(level, LEVELS)}", where="level")
    values, table = coincidences(units, numbers=level != "nominal")
    counts = table.sum(1)
    distance = _distances(values, counts, level)
    expected = float((counts[:, None] * counts[None] * distance).sum()) / float(counts.sum() - 1)
    return math.nan if expected == 0 else 1.0 - float((table * distance).sum()) / expected


def coincidences(units: Units, *, numbers: bool = False) -> tuple[list[Any], np.ndarray]:
    """The distinct values in order, and the matrix o_cd of their coincidences in items.

    Args:
        units: the values of each item.
        numbers: whether values must be finite numbers.

    Raises:
        DataError: no item has two values, or a value is not a finite number.
    """
    kept = [list(unit) for unit in units if len(unit) > 1]
    if not kept:
        raise DataError(
            "No item has ratings of two raters, so agreement cannot be measured.",
            fix="Give items that at least two raters have rated.",
        )
    if numbers:
        for value in (each for unit in kept for each in unit):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise DataError(
                    f"The rating {value!r} is not a finite number.", fix="Use the level nominal for labels."
                )
    values = sorted({each for unit in kept for each in unit}, key=None if numbers else lambda each: (str(each),))
    place = {each: number for number, each in enumerate(values)}
    rows = np.zeros((len(kept), len(values)))
    for number, unit in enumerate(kept):
        for each in unit:
            rows[number, place[each]] += 1
    weights = 1.0 / (rows.sum(1) - 1)
    table = (rows * weights[:, None]).T @ rows
    table[np.diag_indices(len(values))] -= (rows * weights[:, None]).sum(0)
    return values, table


def _distances(values: Sequence[Any], counts: np.ndarray, level: str) -> np.ndarray:
    """δ² for every pair of values."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "ordinal":
        upto = np.cumsum(counts)
        low, high = np.minimum.outer(*[np.arange(len(values))] * 2), np.maximum.outer(*[np.arange(len(values))] * 2)
        between = upto[high] - upto[low] + counts[low] - (counts[low] + counts[high]) / 2
        return between**2 * (low != high)
    numbers = np.asarray(values, dtype=float)
    apart, total = np.subtract.outer(numbers, numbers), np.add.outer(numbers, numbers)
    if level == "interval":
        return apart**2
    return np.divide(apart, total, out=np.zeros_like(apart), where=total != 0) ** 2
