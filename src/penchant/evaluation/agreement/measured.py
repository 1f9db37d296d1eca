"""Agreement of the raters of a file, with bootstrap intervals over items."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from penchant.errors import DataError
from penchant.evaluation.agreement.kappas import cohen_kappa, fleiss_kappa, majority_agreement, pairwise_agreement
from penchant.evaluation.agreement.krippendorff import krippendorff_alpha
from penchant.evaluation.judges.classes import macro_f1
from penchant.statistics import Interval

__all__ = ["Ratings", "classes_found", "measure_agreement", "read_ratings"]

Ratings = dict[Any, dict[str, Any]]
#: From the ratings of each item to a figure.
Measure = Callable[[Sequence[list[Any]]], float]


def read_ratings(rows: Iterable[Mapping[str, Any]], source: str = "ratings") -> Ratings:
    """Read ratings: rows with ``item``, ``rater`` and ``value``; values that are null or NaN are left out.

    Args:
        rows: one a rating.
        source: name of the file in errors.

    Returns:
        By item, then by rater.

    Raises:
        DataError: a column is missing, a value is neither text nor number, or a rater rates an item twice.
    """
    found: Ratings = defaultdict(dict)
    for number, row in enumerate(rows, start=1):
        absent = [name for name in ("item", "rater", "value") if name not in row]
        if absent:
            raise DataError(
                f"The rating has no {absent[0]!r}.", where=f"{source}:{number}", fix="Give item, rater and value."
            )
        value = row["value"]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            continue
        if not isinstance(value, str | int | float):
            raise DataError(f"The rating is {value!r}, expected a label or a number.", where=f"{source}:{number}")
        if str(row["rater"]) in found[row["item"]]:
            raise DataError(f"{row['rater']!r} rates {row['item']!r} twice.", where=f"{source}:{number}")
        found[row["item"]][str(row["rater"])] = value
    return {item: each for item, each in found.items() if each}


def measure_agreement(
    ratings: Ratings,
    *,
    level: str = "nominal",
    weights: str | None = None,
    scale: Sequence[Any] | None = None,
    rounds: int = 200,
    seed: int = 0,
) -> tuple[dict[str, Interval], list[str]]:
    """Krippendorff's α, raw agreement, agreement with the majority, and Cohen's or Fleiss' κ where they apply.

    Args:
        ratings: by item, then by rater.
        level: of Krippendorff's α.
        weights: of Cohen's κ.
        scale: all labels in their order, for these weights; default: those that occur.
        rounds: bootstrap resamples of the items.
        seed: of the resampling.

    Returns:
        The figures with 95 % intervals, and notes for the reader.

    Raises:
        DataError: no item has two ratings, or one is not in the scale.
    """
    units = [list(each.values()) for each in ratings.values() if len(each) > 1]
    measures: dict[str, Measure] = {
        "alpha": lambda own: krippendorff_alpha(own, level),
        "agreement": pairwise_agreement,
    }
    if max(map(len, units), default=0) > 2:
        measures["agreement with the majority"] = majority_agreement
    raters = sorted({rater for each in ratings.values() for rater in each})
    complete = [[each[rater] for rater in raters] for each in ratings.values() if len(each) == len(raters)]
    if len(raters) == 2 and complete:
        occur = scale if scale is not None or weights is None else sorted({*chain(*complete)})
        measures["cohen kappa"] = lambda own: cohen_kappa(*_sides(own), weights, occur)
    elif len({len(unit) for unit in units}) == 1:
        labels = sorted({value for unit in units for value in unit}, key=str)
        measures["fleiss kappa"] = lambda own: fleiss_kappa([[unit.count(label) for label in labels] for unit in own])
    found = {}
    for name, measure in measures.items():
        own = complete if name == "cohen kappa" else units
        rng = np.random.default_rng(seed)
        drawn = [rng.integers(len(own), size=len(own)) for _ in range(rounds)]
        found[name] = _interval(measure(own), measure, own, drawn)
    return found, _notes(ratings, units, found["alpha"].value)


def classes_found(ratings: Ratings, truth: str, rounds: int = 200, seed: int = 0) -> dict[str, Interval]:
    """How well each other rater finds the labels of one: accuracy and macro-F1, with bootstrap intervals over items.

    Args:
        ratings: by item, then by rater.
        truth: the rater whose labels are right.
        rounds: resamples.
        seed: of the resampling.

    Raises:
        DataError: nobody has rated an item that this rater has.

    Example:
        >>> found = classes_found({1: {"gold": "a", "judge": "a"}, 2: {"gold": "b", "judge": "a"}}, "gold", rounds=0)
        >>> {name: round(each.value, 2) for name, each in found.items()}
        {'accuracy of judge': 0.5, 'macro-F1 of judge': 0.33}
    """
    raters = sorted({rater for each in ratings.values() for rater in each} - {truth})
    found: dict[str, Interval] = {}
    for rater in raters:
        units = [[each[rater], each[truth]] for each in ratings.values() if rater in each and truth in each]
        if not units:
            continue
        rng = np.random.default_rng(seed)
        drawn = [rng.integers(len(units), size=len(units)) for _ in range(rounds)]
        for name, measure in (("accuracy", _accuracy), ("macro-F1", _macro_f1)):
            found[f"{name} of {rater}"] = _interval(measure(units), measure, units, drawn)
    if not found:
        raise DataError(
            f"No item has a rating of {truth!r} and another one.",
            fix=f"The raters are: {', '.join(sorted({*raters, truth})[:10])}.",
        )
    return found


def _sides(units: Sequence[list[Any]]) -> tuple[list[Any], list[Any]]:
    return [unit[0] for unit in units], [unit[1] for unit in units]


def _accuracy(units: Sequence[list[Any]]) -> float:
    return sum(one == other for one, other in units) / len(units)


def _macro_f1(units: Sequence[list[Any]]) -> float:
    return macro_f1(*zip(*units, strict=True))


def _interval(value: float, measure: Measure, units: Sequence[list[Any]], drawn: Sequence[np.ndarray]) -> Interval:
    again = [measure([units[place] for place in each]) for each in drawn]
    known = [each for each in again if not math.isnan(each)]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (math.nan, math.nan)
    return Interval(value, float(low), float(high))


def _notes(ratings: Ratings, units: Sequence[list[Any]], alpha: float) -> list[str]:
    notes = []
    if alone := len(ratings) - len(units):
        notes.append(f"{alone} of {len(ratings)} items have one rating and are left out.")
    if len(units) == 1:
        notes.append("One item has two ratings, so the intervals say nothing.")
    if math.isnan(alpha):
        notes.append("All ratings are the same value, so chance-corrected agreement is not defined.")
    counts: dict[str, int] = defaultdict(int)
    for each in ratings.values():
        for rater in each:
            counts[rater] += 1
    if few := sorted(rater for rater, count in counts.items() if count == 1):
        notes.append(f"These raters rated one item only: {', '.join(few[:5])}{' ...' if len(few) > 5 else ''}.")
    return notes
