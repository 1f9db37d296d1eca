"""Oracle2Fair: lists from the most relevant to the fairest, and the frontier of fairness and relevance through them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.fairness import fairness_metrics
from penchant.evaluation.recommendation.lists import checked_relevant
from penchant.evaluation.recommendation.oracle import oracle_lists
from penchant.evaluation.recommendation.relevance import relevance_metrics

__all__ = ["Frontier", "fairer_lists", "pareto_frontier", "replacements"]


@dataclass(frozen=True)
class Frontier:
    """Measures along the way from the most relevant lists to the fairest.

    Args:
        points: all measures of `relevance_metrics` and `fairness_metrics` by name, a mapping per point.
        every: number of replacements between two points; 1 is the frontier itself, more an estimate of it.
        replaced: number of replacements in all.
    """

    points: tuple[Mapping[str, float], ...]
    every: int
    replaced: int

    def pair(self, relevance: str, fairness: str) -> list[tuple[float, float]]:
        """The points of two measures, from the most relevant to the fairest.

        Raises:
            ConfigurationError: there is no such measure.
        """
        for name in (relevance, fairness):
            if name not in self.points[0]:
                known = ", ".join(self.points[0])
                raise ConfigurationError(f"There is no measure {name!r}.", fix=f"Known: {known}.")
        return [(point[relevance], point[fairness]) for point in self.points]


def pareto_frontier(
    relevant: Sequence[Collection[int]],
    seen: Sequence[Collection[int]],
    items: int,
    *,
    k: int = 10,
    points: int | None = None,
) -> Frontier:
    """The frontier of relevance and fairness that lists of these users can reach, by Oracle2Fair.

    Args:
        relevant: the items that each user took in the test, numbered 1 to ``items``.
        seen: the items that each user took before; they are never recommended.
        items: number of items in the catalogue.
        k: length of the lists.
        points: estimate the frontier by about this many points between its ends; None for a point after every
            replacement.

    Raises:
        DataError: a user has fewer than k items left, or a number is not that of an item.
        ConfigurationError: k or ``points`` is below 1.

    Example:
        >>> found = pareto_frontier([{1}, {1}, {1, 2}], [set(), {2}, set()], 6, k=2)
        >>> [round(fair, 2) for _, fair in found.pair("NDCG", "Gini_our")]
        [0.75, 0.42, 0.0]

    Reference:
        Rampisela et al. (2025), Joint Evaluation of Fairness and Relevance in Recommender Systems with Pareto Frontier,
        arXiv:2502.11921.
    """
    if k < 1 or (points is not None and points < 1):
        raise ConfigurationError(f"k is {k} and points {points}.", fix="Give numbers of at least 1.")
    wanted = checked_relevant(relevant, len(relevant), items)
    table = oracle_lists(wanted, checked_relevant(seen, len(relevant), items), items, k)
    every = 1 if points is None else max(1, replacements(table, items) // (points + 1))
    found, number = [_measures(table, relevant, items)], 0
    for lists in fairer_lists(table, relevant, seen, items):
        number += 1
        if number % every == 0:
            found.append(_measures(lists, relevant, items))
        table = lists
    if number % every:
        found.append(_measures(table, relevant, items))  # the fairest end belongs to every estimate
    return Frontier(tuple(found), every, number)


def _measures(lists: np.ndarray, relevant: Sequence[Collection[int]], items: int) -> dict[str, float]:
    return {**relevance_metrics(lists.tolist(), relevant), **fairness_metrics(lists, items)}


def replacements(table: np.ndarray, items: int) -> int:
    """How many replacements `fairer_lists` will make at least: unseen items that find a place, or places above the cap.

    Args:
        table: [users, k] lists of item numbers.
        items: number of items in the catalogue.
    """
    counts = np.bincount(table.ravel() - 1, minlength=items)
    cap = -(-table.size // items)
    above = int(np.maximum(counts - cap, 0).sum())
    return max(above, min(int((counts == 0).sum()), int(np.maximum(counts - 1, 0).sum())))


def fairer_lists(
    table: np.ndarray, relevant: Sequence[Collection[int]], seen: Sequence[Collection[int]], items: int
) -> Iterator[np.ndarray]:
    """Lists after each replacement of the most frequent item by one that is rarer, until the counts are even.

    Items that nobody has come first, then the least frequent. Of the users who hold the most frequent item, one who
    finds the new item relevant loses it, else the one who has it in the lowest place. It ends when no item is left
    that nobody has and no item occurs more than ⌈places / items⌉ times, or once at most.

    Args:
        table: [users, k] lists, relevant items first; it is not changed.
        relevant: see `pareto_frontier`.
        seen: see `pareto_frontier`.
        items: number of items in the catalogue.

    Yields:
        A new table [users, k] after each replacement. Relevant items stay in front of the others.
    """
    lists = table.copy()
    counts = np.bincount(lists.ravel() - 1, minlength=items)
    cap = -(-lists.size // items)
    wanted, known = [set(map(int, each)) for each in relevant], [set(map(int, each)) for each in seen]
    while counts.max() > 1 and (counts.max() > cap or counts.min() == 0):
        found = _replacement(lists, counts, wanted, known)
        if found is None:
            return
        row, place, new = found
        counts[lists[row, place] - 1] -= 1
        counts[new - 1] += 1
        lists[row, place] = new
        hits = np.asarray([int(item) in wanted[row] for item in lists[row]])
        lists[row] = lists[row][np.argsort(~hits, kind="stable")]
        yield lists.copy()


def _replacement(
    lists: np.ndarray, counts: np.ndarray, wanted: list[set[int]], known: list[set[int]]
) -> tuple[int, int, int] | None:
    """User, place and new item of the next replacement; None where nobody can take any rarer item.

    The most frequent items are tried in turn, and for each the rarest items in turn: that somebody can take the first
    of each is the rule, but a user's earlier items may forbid it.
    """
    for held in np.argsort(-counts, kind="stable") + 1:
        rows, places = np.nonzero(lists == held)
        order = np.argsort(-places, kind="stable")
        for new in np.argsort(counts, kind="stable") + 1:
            if counts[new - 1] >= counts[held - 1] - 1:
                break
            able = [at for at in order if new not in known[rows[at]] and new not in lists[rows[at]]]
            glad = [at for at in able if int(new) in wanted[rows[at]]]
            if able:
                at = (glad or able)[0]
                return int(rows[at]), int(places[at]), int(new)
        if counts[held - 1] <= 1:
            return None
    return None
