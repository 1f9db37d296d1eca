"""Relevance of recommended lists: hit rate, reciprocal rank, precision, recall, average precision, NDCG."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

__all__ = ["relevance_metrics"]


def relevance_metrics(lists: Sequence[Sequence[int]], relevant: Sequence[Collection[int]]) -> dict[str, float]:
    """Relevance metrics at the length of the lists, means over users; each in [0, 1], higher is better.

    Args:
        lists: the recommended items of each user, best first.
        relevant: the items that each user took.

    Returns:
        ``HR`` (a hit among the items), ``MRR`` (1 / place of the first hit), ``P`` (share of hits), ``R`` (share of the
        relevant items that are hit), ``MAP`` (precision at the hits, divided by the smaller of list length and number
        of relevant items), ``NDCG`` (discount 1 / log₂(place + 1), ideal list cut at the length).

    Example:
        >>> found = relevance_metrics([[1, 2]], [[2]])
        >>> found["HR"], found["MRR"], round(found["NDCG"], 3)
        (1.0, 0.5, 0.631)
    """
    rows = [_of_user(list(items), set(wanted)) for items, wanted in zip(lists, relevant, strict=True)]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _of_user(items: list[int], wanted: set[int]) -> dict[str, float]:
    hits = np.asarray([item in wanted for item in items], dtype=float)
    places = np.arange(1, len(items) + 1)
    discount = 1 / np.log2(places + 1)
    best = min(len(items), len(wanted))
    first = int(hits.argmax()) + 1 if hits.any() else 0
    precision = (hits.cumsum() / places * hits).sum()
    return {
        "HR": float(hits.any()),
        "MRR": 1 / first if first else 0.0,
        "P": float(hits.mean()),
        "R": float(hits.sum() / len(wanted)) if wanted else 0.0,
        "MAP": float(precision / best) if best else 0.0,
        "NDCG": float((hits * discount).sum() / discount[:best].sum()) if best else 0.0,
    }
