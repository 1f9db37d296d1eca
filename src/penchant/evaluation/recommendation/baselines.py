"""Recommenders to compare with: chance, popularity, neighbours of items, matrix factorisation, self-attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penchant.errors import ConfigurationError, nearest
from penchant.evaluation.recommendation.attentive import SelfAttention
from penchant.evaluation.recommendation.baseline import Baseline

__all__ = [
    "BASELINES",
    "Baseline",
    "Factorisation",
    "ItemNeighbours",
    "Popularity",
    "Random",
    "build_baseline",
    "find_baseline",
]

Vector = np.ndarray[Any, Any]


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
    "self-attention": SelfAttention,
}


def find_baseline(name: str) -> type[Baseline]:
    """A baseline by its name.

    Raises:
        ConfigurationError: there is no such baseline.
    """
    if name not in BASELINES:
        raise ConfigurationError(f"There is no baseline {name!r}.", where="baselines", fix=nearest(name, BASELINES))
    return BASELINES[name]


def build_baseline(name: str, histories: Sequence[Sequence[int]], items: int, seed: int = 0) -> Baseline:
    """A fitted baseline by its name.

    Raises:
        ConfigurationError: there is no such baseline.
    """
    return find_baseline(name)(histories, items, seed)


def _taken(histories: Sequence[Sequence[int]], items: int) -> Any:
    """[users, items] 1 where a user took an item, sparse."""
    from scipy.sparse import csr_matrix

    sets = [list(dict.fromkeys(each)) for each in histories]
    row = np.repeat(np.arange(len(sets)), [len(each) for each in sets])
    column = np.array([item for each in sets for item in each], dtype=int)
    return csr_matrix((np.ones(len(column)), (row, column)), (len(sets), items))
