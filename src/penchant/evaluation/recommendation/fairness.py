"""Fairness of the exposure of individual items, in original and corrected form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from penchant.evaluation.recommendation.lists import checked_lists

__all__ = ["PATIENCE", "fairness_metrics", "patience_weights"]

#: Patience of the browsing model: the probability that a user looks at the next place.
PATIENCE = 0.8


def fairness_metrics(lists: Sequence[Sequence[int]] | np.ndarray, items: int) -> dict[str, float]:
    """Measures of how evenly items are recommended.

    Each stands as in the literature (``_ori``) and corrected so that 0 and 1 can be reached (``_our``): the original
    forms cannot, because a list holds every item at most once and there may be fewer places than items. NaN where a
    measure is not defined.

    The published correction of FSat takes the same list for all for its unfair end, and falls below 0 where other lists
    satisfy fewer items still. ``FSat_exact`` takes the fewest that can be satisfied.

    Args:
        lists: the recommended items of each user, numbered 1 to ``items``, best first; all of one length k.
        items: number of items in the catalogue.

    Returns:
        Higher is fairer: ``Jain``, ``QF`` (share of items that are recommended), ``Ent`` (entropy), ``FSat`` (share of
        items with their share of places). Lower is fairer: ``Gini``, ``Gini-w`` (places weighted by 1 / log₂(place +
        1)), ``VoCD`` (relative difference of recommended items), ``II-D`` and ``AI-D`` (deviation of exposure, single
        and averaged over users).

    Raises:
        DataError: see `penchant.evaluation.recommendation.lists.checked_lists`.

    Example:
        >>> even = fairness_metrics([[1, 2], [3, 4]], 4)
        >>> even["Jain_our"], even["Gini_our"]
        (1.0, 0.0)

    Reference:
        Rampisela et al. (2023), Evaluation Measures of Individual Item Fairness for Recommender Systems: A Critical
        Study, arXiv:2311.01013.
    """
    table = checked_lists(lists, items)
    users, k = table.shape
    counts = np.bincount(table.ravel() - 1, minlength=items).astype(float)
    places = float(k * users)
    each, over = int(places // items), int(places % items)
    found = {
        **_jain(counts, places, k, each, over),
        **_distinct(counts, places, k),
        **_entropy(counts, places, k, each, over),
        **_gini(counts, places, k, over),
        **_weighted_gini(table, items),
        **_satisfied(counts, users, k, each),
        "VoCD_ori": _variation(counts),
        **_exposure(table, items),
    }
    return {name: float(value) for name, value in found.items()}


def _jain(counts: np.ndarray, places: float, k: int, each: int, over: int) -> dict[str, float]:
    items = len(counts)
    value = places**2 / (items * (counts**2).sum())
    largest = places**2 / (items * (items * each**2 + over * (2 * each + 1)))
    return {"Jain_ori": value, "Jain_our": _between(value, k / items, largest)}


def _distinct(counts: np.ndarray, places: float, k: int) -> dict[str, float]:
    items, distinct = len(counts), float((counts > 0).sum())
    return {"QF_ori": distinct / items, "QF_our": _between(distinct, k, min(items, places))}


def _entropy(counts: np.ndarray, places: float, k: int, each: int, over: int) -> dict[str, float]:
    items = len(counts)
    shares = counts / places
    seen = shares[shares > 0]
    value = float(-(seen * np.log(seen)).sum() / math.log(items))
    if places >= items:
        levels = ((items - over, each / places), (over, (each + 1) / places))
        largest = -sum(number * share * math.log(share) for number, share in levels if number) / math.log(items)
    else:
        largest = math.log(places) / math.log(items)
    whole = value if len(seen) == items else math.nan
    return {"Ent_ori": whole, "Ent_our": _between(value, math.log(k) / math.log(items), largest)}


def _gini(counts: np.ndarray, places: float, k: int, over: int) -> dict[str, float]:
    items = len(counts)
    value = _gini_of(counts)
    smallest = (items - over) * over / (items * places)
    return {"Gini_ori": value, "Gini_our": _between(value, smallest, 1 - k / items)}


def _gini_of(exposure: np.ndarray) -> float:
    items, ordered = len(exposure), np.sort(exposure)
    weights = 2 * np.arange(1, items + 1) - items - 1
    return float((weights * ordered).sum() / (items * exposure.sum()))


def _weighted_gini(table: np.ndarray, items: int) -> dict[str, float]:
    users, k = table.shape
    weights = 1 / np.log2(np.arange(1, k + 1) + 1)

    def of(lists: np.ndarray) -> float:
        return _gini_of(np.bincount(lists.ravel() - 1, weights=np.tile(weights, len(lists)), minlength=items))

    value = of(table)
    worst = of(np.tile(np.arange(1, k + 1), (users, 1)))
    # With fewer places than items the fairest lists share no item, at whatever place each one stands.
    best = of(np.arange(1, k * users + 1).reshape(users, k)) if k * users <= items else 0.0
    return {"Gini-w_ori": value, "Gini-w_our": _between(value, best, worst)}


def _satisfied(counts: np.ndarray, users: int, k: int, each: int) -> dict[str, float]:
    items = len(counts)
    share = float((counts >= each).mean())
    if not each:
        return {"FSat_ori": share, "FSat_our": 1.0, "FSat_exact": math.nan}
    # Fewest items with their share: these take as many places as there are users, the others one less than the share.
    least = -(-(k * users - items * (each - 1)) // (users - each + 1)) / items
    found = {"FSat_ori": share, "FSat_our": _between(share, k / items, 1.0)}
    return {**found, "FSat_exact": _between(share, least, 1.0)}


def _variation(counts: np.ndarray) -> float:
    # Pairs of items with equal counts differ by nothing, so pairs of distinct counts suffice: few, however many items.
    levels, number = np.unique(counts[counts > 0], return_counts=True)
    seen = int(number.sum())
    if seen < 2:
        return 0.0
    first, second = np.triu_indices(len(levels), 1)
    gaps = (1 - levels[first] / levels[second]) * number[first] * number[second]
    return float(gaps.sum() / (seen * (seen - 1) / 2))


def patience_weights(k: int, patience: float = PATIENCE) -> np.ndarray:
    """[k] the probability that a user looks at each place: patience^(place − 1)."""
    return patience ** np.arange(k, dtype=float)


def _exposure(table: np.ndarray, items: int) -> dict[str, float]:
    users, k = table.shape
    weights, even = patience_weights(k), (1 - PATIENCE**k) / ((1 - PATIENCE) * items)
    # The mean over all users and items of (e − even)², where all but k items of a user have e = 0.
    single = (((weights - even) ** 2).sum() + (items - k) * even**2) / items
    each = np.bincount(table.ravel() - 1, weights=np.tile(weights, users), minlength=items) / users
    return {"II-D_ori": single, "AI-D_ori": ((each - even) ** 2).mean()}


def _between(value: float, low: float, high: float) -> float:
    """The value on the way from ``low`` (0) to ``high`` (1); NaN where both are equal."""
    return (value - low) / (high - low) if high != low else math.nan
