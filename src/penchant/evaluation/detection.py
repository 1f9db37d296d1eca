"""How well scores detect one kind of text among others: the area under precision and recall, and rare false alarms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penchant.errors import DataError
from penchant.statistics import Interval, share_interval

__all__ = ["caught", "precision_area", "precision_area_interval"]

#: Share of false alarms at which detectors of text are compared.
RARE = 0.01


def precision_area(found: Sequence[float], others: Sequence[float]) -> float:
    """The area under the curve of precision over recall (average precision), in (0, 1]; higher is better.

    Σ_n (recall_n − recall_{n−1}) precision_n over the thresholds, highest first; equal scores are one threshold. By
    chance it is the share of what is to be found, so it says more than the area under the ROC curve where that is rare.

    Args:
        found: scores of what is to be found, one or more.
        others: scores of the rest, one or more.

    Raises:
        DataError: a side is empty.

    Example:
        >>> round(precision_area([3.0, 1.0], [2.0, 0.0]), 4)
        0.8333
    """
    if not len(found) or not len(others):
        raise DataError(f"Detection needs scores of both sides; there are {len(found)} and {len(others)}.")
    values = np.concatenate([np.asarray(found, float), np.asarray(others, float)])
    thresholds, place = np.unique(-values, return_inverse=True)
    right = np.cumsum(np.bincount(place[: len(found)], minlength=len(thresholds)))
    every = np.cumsum(np.bincount(place, minlength=len(thresholds)))
    recall = right / len(found)
    return float(np.sum(np.diff(recall, prepend=0.0) * right / every))


def precision_area_interval(
    found: Sequence[float], others: Sequence[float], *, resamples: int = 500, seed: int = 0
) -> Interval:
    """The area under precision and recall with its 95 % interval (bootstrap within each side).

    Args:
        found: scores of what is to be found, one or more.
        others: scores of the rest, one or more.
        resamples: number of bootstrap samples.
        seed: of the bootstrap.

    Example:
        >>> precision_area_interval([3.0, 4.0], [1.0, 2.0])
        Interval(value=1.0, low=1.0, high=1.0)
    """
    value, rng = precision_area(found, others), np.random.default_rng(seed)
    sides = np.asarray(found, float), np.asarray(others, float)
    drawn = [precision_area(*(rng.choice(side, len(side)) for side in sides)) for _ in range(resamples)]  # type: ignore[arg-type]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, min(value, float(low)), max(value, float(high)))


def caught(found: Sequence[float], others: Sequence[float], alarms: float = RARE) -> Interval:
    """The share of what is to be found above a threshold that at most a share ``alarms`` of the others exceeds.

    In [0, 1], higher is better, with Wilson's 95 % interval. With fewer than 1 / ``alarms`` others the threshold is
    their highest score.

    Args:
        found: scores of what is to be found, one or more.
        others: scores of the rest, one or more.
        alarms: largest share of false alarms.

    Raises:
        DataError: a side is empty.

    Example:
        >>> caught([3.0, 1.0, 5.0, 2.5], [2.0, 0.0]).value
        0.75
    """
    if not len(found) or not len(others):
        raise DataError(f"Detection needs scores of both sides; there are {len(found)} and {len(others)}.")
    ordered = sorted(others, reverse=True)
    threshold = ordered[int(alarms * len(ordered) + 1e-9)] if alarms < 1 else -np.inf
    return share_interval(sum(own > threshold for own in found) / len(found), len(found))
