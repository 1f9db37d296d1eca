"""Cohen's κ of two raters, Fleiss' κ of many, and plain shares of agreement."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from penchant.errors import ConfigurationError, DataError

__all__ = ["cohen_kappa", "equal_votes", "fleiss_kappa", "majority_agreement", "pairwise_agreement"]


def cohen_kappa(
    first: Sequence[Any], second: Sequence[Any], weights: str | None = None, scale: Sequence[Any] | None = None
) -> float:
    """Cohen's κ: agreement of two raters beyond chance.

    κ = 1 − Σ w_ij p_ij / Σ w_ij p_i p_j,   w_ij = 1[i ≠ j], |i − j| (linear) or (i − j)² (quadratic)

    i and j are places of labels in the scale. A label that neither rater uses has a place only in a given scale.

    Args:
        first: the labels of one rater.
        second: those of the other, in the same order.
        weights: None, ``linear`` or ``quadratic``.
        scale: all labels in their order; default: those that occur, sorted.

    Returns:
        κ in [−1, 1]; NaN where both give one and the same label throughout.

    Raises:
        ConfigurationError: unknown weights.
        DataError: the lengths differ or are zero, or a label is not in the scale.

    Example:
        >>> cohen_kappa([1, 1, 0, 0], [1, 0, 0, 0])
        0.5
        >>> both = [1, 2, 5, 5], [1, 2, 5, 2]
        >>> [round(cohen_kappa(*both, "quadratic", each), 3) for each in (None, [1, 2, 3, 4, 5])]
        [0.8, 0.625]

    Reference:
        Cohen (1960), A Coefficient of Agreement for Nominal Scales; Cohen (1968), Weighted Kappa.
    """
    if weights not in (None, "linear", "quadratic"):
        raise ConfigurationError(f"The weights are {weights!r}, expected linear, quadratic or none.", where="weights")
    if len(first) != len(second) or not first:
        raise DataError(f"Two raters need the same items, one or more; got {len(first)} and {len(second)}.")
    labels = _labels({*first, *second}, scale)
    place = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for one, two in zip(first, second, strict=True):
        table[place[one], place[two]] += 1
    steps = np.abs(np.subtract.outer(np.arange(len(labels)), np.arange(len(labels)))).astype(float)
    cost = {None: (steps > 0).astype(float), "linear": steps, "quadratic": steps**2}[weights]
    chance = np.outer(table.sum(1), table.sum(0)) / table.sum()
    expected = float((cost * chance).sum())
    return math.nan if expected == 0 else 1.0 - float((cost * table).sum()) / expected


def _labels(found: set[Any], scale: Sequence[Any] | None) -> list[Any]:
    """The labels in their order."""
    if scale is None:
        try:
            return sorted(found)
        except TypeError:
            raise DataError(
                "Some ratings are numbers and others are texts, so they have no order.", fix="Use one kind of label."
            ) from None
    if beyond := found - set(scale):
        raise DataError(
            f"The rating {min(beyond, key=str)!r} is not in the scale {list(scale)}.", fix="Name all labels."
        )
    return list(scale)


def fleiss_kappa(counts: Sequence[Sequence[int]]) -> float:
    """Fleiss' κ: agreement of the same number of raters on every item, beyond chance.

    κ = (P̄ − P̄_e) / (1 − P̄_e),   P_i = Σ_j n_ij (n_ij − 1) / (n (n − 1)),   P̄_e = Σ_j (share of label j)²

    Args:
        counts: for each item the number of raters who chose each label.

    Returns:
        κ ≤ 1; NaN where only one label occurs.

    Raises:
        DataError: items have different numbers of raters, or fewer than two.

    Example:
        >>> round(fleiss_kappa([[2, 0], [0, 2], [1, 1]]), 4)
        0.3333

    Reference:
        Fleiss (1971), Measuring Nominal Scale Agreement Among Many Raters.
    """
    table = np.asarray(counts, dtype=float)
    raters = table.sum(1) if table.ndim == 2 and len(table) else np.zeros(0)
    if not len(raters) or raters.min() != raters.max() or raters[0] < 2:
        raise DataError(
            "Fleiss' kappa needs items with the same number of raters, two or more.",
            fix="Use Krippendorff's alpha where ratings are missing.",
        )
    observed = float(((table * (table - 1)).sum(1) / (raters * (raters - 1))).mean())
    chance = float(((table.sum(0) / table.sum()) ** 2).sum())
    return math.nan if chance == 1 else (observed - chance) / (1 - chance)


def pairwise_agreement(units: Sequence[Sequence[Any]]) -> float:
    """The share of equal pairs among all pairs of ratings of one item, in [0, 1]; NaN without such a pair.

    Example:
        >>> pairwise_agreement([["a", "a", "b"], ["a", "a"]])
        0.5
    """
    equal = total = 0
    for unit in units:
        total += len(unit) * (len(unit) - 1) // 2
        equal += sum(number * (number - 1) // 2 for number in Counter(unit).values())
    return equal / total if total else math.nan


def majority_agreement(units: Sequence[Sequence[Any]]) -> float:
    """The share of ratings that equal the commonest one among the other raters of the item, in [0, 1].

    Ratings whose others have no single commonest label are left out; NaN where none is left.

    Example:
        >>> majority_agreement([["a", "a", "b"], ["a", "a", "a"]])
        0.75
    """
    equal = total = 0
    for unit in units:
        counts = Counter(unit)
        for label, number in counts.items():
            others = (counts - Counter([label])).most_common(2)
            if others and (len(others) == 1 or others[0][1] > others[1][1]):
                total += number
                equal += number * (others[0][0] == label)
    return equal / total if total else math.nan


def equal_votes(
    votes: Mapping[str, Mapping[str, Sequence[str]]], first: str, second: str, ban: Sequence[str] = ()
) -> tuple[int, int]:
    """Equal votes of two judges on the same questions; any label that contains ``tie`` is a tie.

    Args:
        votes: by question, then by judge.
        first: a judge.
        second: another, or the same one, whose votes on a question are then compared with each other.
        ban: labels whose votes are left out, such as ``tie``.

    Returns:
        The number of equal pairs of votes, and of all pairs.

    Example:
        >>> equal_votes({"q": {"human": ["a", "tie"], "model": ["tie (both bad)"]}}, "model", "human")
        (1, 2)

    Reference:
        Zheng et al. (2023), Judging LLM-as-a-Judge, arXiv:2306.05685.
    """
    equal = total = 0
    for judges in votes.values():
        kept = [
            [label for vote in judges.get(name, ()) if (label := "tie" if "tie" in vote else vote) not in ban]
            for name in (first, second)
        ]
        pairs = list(combinations(kept[0], 2) if first == second else product(*kept))
        total += len(pairs)
        equal += sum(one == two for one, two in pairs)
    return equal, total
