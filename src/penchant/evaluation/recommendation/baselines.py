"""Recommenders to compare with: chance, popularity, neighbours of items, and matrix factorisation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from penchant.errors import ConfigurationError, nearest

__all__ = ["BASELINES", "Baseline", "Factorisation", "ItemNeighbours", "Popularity", "Random", "build_baseline"]

Vector = np.ndarray[Any, Any]


class Baseline(ABC):
    """Scores all items for a user from the user's history; items are numbers.

    Args:
        histories: of the training users, oldest item first.
        items: number of items.
        seed: of chance.

    Example:
        >>> Popularity([[0, 1], [1, 2]], 3).top([2], 2)
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


class Random(Baseline):
    """Items by chance, drawn anew for each history."""

    def fit(self, histories: Sequence[Sequence[int]]) -> None:
        """See `Baseline.fit`; there is nothing to learn."""

    def scores(self, history: Sequence[int]) -> Vector:
        """See `Baseline.scores`."""
        return np.random.default_rng([self.seed, *history]).random(self.items)


class Popularity(Baseline):
    """The items that most training users took."""

    def fit(self, histories: Sequence[Sequence[int]]) -> None:
        """See `Baseline.fit`."""
        self.counts = np.bincount([item for each in histories for item in set(each)], minlength=self.items)

    def scores(self, history: Sequence[int]) -> Vector:
        """See `Baseline.scores`."""
        return self.counts


class ItemNeighbours(Baseline):
    """The items most similar to those of the history, by the cosine of the sets of users who took them."""

    def fit(self, histories: Sequence[Sequence[int]]) -> None:
        """See `Baseline.fit`."""
        taken = _taken(histories, self.items)
        length = np.sqrt(np.maximum(np.asarray(taken.sum(0)).ravel(), 1))
        scaled = taken.multiply(1 / length[None]).tocsr()
        self.near = (scaled.T @ scaled).tocsr()
        self.near.setdiag(0)

    def scores(self, history: Sequence[int]) -> Vector:
        """See `Baseline.scores`."""
        return np.asarray(self.near[list(dict.fromkeys(history))].sum(0)).ravel()


class Factorisation(Baseline):
    """Truncated singular value decomposition of users and items (scikit-learn); a new user is folded in.

    The user's vector is the sum of the vectors of the items of the history, the score of an item its inner product.
    """

    def fit(self, histories: Sequence[Sequence[int]]) -> None:
        """See `Baseline.fit`.

        Raises:
            ConfigurationError: scikit-learn is not installed.
        """
        try:
            from sklearn.decomposition import TruncatedSVD
        except ImportError as error:
            raise ConfigurationError(
                "Matrix factorisation needs scikit-learn.", fix="Install penchant[evaluation]."
            ) from error
        taken = _taken(histories, self.items)
        width = min(64, min(taken.shape) - 1)
        self.vectors = TruncatedSVD(max(width, 1), random_state=self.seed).fit(taken).components_.T

    def scores(self, history: Sequence[int]) -> Vector:
        """See `Baseline.scores`."""
        return self.vectors @ self.vectors[list(dict.fromkeys(history))].sum(0)


#: The baselines by name.
BASELINES: dict[str, type[Baseline]] = {
    "random": Random,
    "popularity": Popularity,
    "item-knn": ItemNeighbours,
    "factorisation": Factorisation,
}


def build_baseline(name: str, histories: Sequence[Sequence[int]], items: int, seed: int = 0) -> Baseline:
    """A fitted baseline by its name.

    Raises:
        ConfigurationError: there is no such baseline.
    """
    if name not in BASELINES:
        raise ConfigurationError(f"There is no baseline {name!r}.", where="baselines", fix=nearest(name, BASELINES))
    return BASELINES[name](histories, items, seed)


def _taken(histories: Sequence[Sequence[int]], items: int) -> Any:
    """[users, items] 1 where a user took an item, sparse."""
    from scipy.sparse import csr_matrix

    sets = [list(dict.fromkeys(each)) for each in histories]
    row = np.repeat(np.arange(len(sets)), [len(each) for each in sets])
    column = np.array([item for each in sets for item in each], dtype=int)
    return csr_matrix((np.ones(len(column)), (row, column)), (len(sets), items))
