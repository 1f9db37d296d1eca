"""`Baseline`: the base class of recommenders to compare with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["Baseline"]

Vector = np.ndarray[Any, Any]


class Baseline(ABC):
    """Scores all items for a user from the user's history; items are numbers.

    Args:
        histories: of the training users, oldest item first.
        items: number of items.
        seed: of chance.

    Example:
        >>> class Last(Baseline):
        ...     def fit(self, histories):
        ...         self.last = [each[-1] for each in histories]
        ...
        ...     def scores(self, history):
        ...         return [self.last.count(item) for item in range(self.items)]
        >>> Last([[0, 1], [1, 2], [0, 1]], 3).top([2], 2)
        [1, 0]
    """

    def __init__(self, histories: Sequence[Sequence[int]], items: int, seed: int = 0) -> None:
        self.items, self.seed = items, seed
        self.fit(histories)

    @abstractmethod
    def fit(self, histories: Sequence[Sequence[int]]) -> None:
        """Learn from the training users."""

    @abstractmethod
    def scores(self, history: Sequence[int]) -> Vector:
        """[items], higher is better."""

    def top(self, history: Sequence[int], k: int, *, seen: bool = False) -> list[int]:
        """The best ``k`` items, best first, without those of the history unless ``seen``; ties by number."""
        scores = np.asarray(self.scores(history), dtype=float).copy()
        if not seen:
            scores[list(history)] = -np.inf
        best = np.argsort(-scores, kind="stable")[:k]
        return [int(item) for item in best if scores[item] > -np.inf]
