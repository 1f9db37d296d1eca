"""Miners of negatives for a retriever: at random, by popularity, by words, by embeddings, and mixed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import ConfigurationError, nearest
from penchant.likelihood.inside.text_embeddings import Embedder

__all__ = ["MINERS", "Pool", "mine_negatives", "word_scores"]

#: How many of the nearest documents ``dense-after-10`` leaves out: there the false negatives are.
SKIPPED = 10


@dataclass(frozen=True)
class Pool:
    """Queries, documents, and which document answers which query.

    Args:
        queries: Q texts.
        documents: n texts.
        positives: the place of each query's document, [Q].
        popularity: how often each document is asked for, [n]; equal where it is not known.
    """

    queries: Sequence[str]
    documents: Sequence[str]
    positives: Sequence[int]
    popularity: Sequence[float] = ()


def word_scores(queries: Sequence[str], documents: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> np.ndarray:
    """BM25 of every document for every query.

    score = Σ_words log(1 + (n − df + ½) / (df + ½)) · tf (k1 + 1) / (tf + k1 (1 − b + b |d| / mean |d|))

    Args:
        queries: Q texts; words are parted by white space, in lower case.
        documents: n texts.
        k1: saturation of frequencies.
        b: weight of lengths.

    Returns:
        [Q, n], 0 without a common word.

    Example:
        >>> word_scores(["red castle"], ["a red castle", "a red door", "a meadow"]).argsort()[0].tolist()
        [2, 1, 0]

    Reference:
        Robertson and Zaragoza (2009), The Probabilistic Relevance Framework: BM25 and Beyond.
    """
    counted = [Counter(text.lower().split()) for text in documents]
    lengths = np.asarray([max(1, each.total()) for each in counted], dtype=float)
    scale = k1 * (1 - b + b * lengths / lengths.mean())
    holders: dict[str, list[int]] = {}
    for place, words in enumerate(counted):
        for word in words:
            holders.setdefault(word, []).append(place)
    found = np.zeros((len(queries), len(documents)))
    for row, query in enumerate(queries):
        for word in query.lower().split():
            places = holders.get(word, [])
            weight = math.log(1 + (len(documents) - len(places) + 0.5) / (len(places) + 0.5))
            often = np.asarray([counted[place][word] for place in places], dtype=float)
            found[row, places] += weight * often * (k1 + 1) / (often + scale[places])
    return found


def _random(pool: Pool, _embedder: Embedder, rng: np.random.Generator) -> np.ndarray:
    return rng.random((len(pool.queries), len(pool.documents)))


def _popular(pool: Pool, _embedder: Embedder, rng: np.random.Generator) -> np.ndarray:
    often = np.asarray(pool.popularity or np.ones(len(pool.documents)), dtype=float)
    return np.log(often + 1e-9) + rng.gumbel(size=(len(pool.queries), len(pool.documents)))


def _words(pool: Pool, _embedder: Embedder, rng: np.random.Generator) -> np.ndarray:
    return word_scores(pool.queries, pool.documents) + 1e-6 * rng.random((len(pool.queries), len(pool.documents)))


def _dense(pool: Pool, embedder: Embedder, _rng: np.random.Generator) -> np.ndarray:
    return embedder.embed(pool.queries) @ embedder.embed(pool.documents).T


def _dense_later(pool: Pool, embedder: Embedder, rng: np.random.Generator) -> np.ndarray:
    scores = _dense(pool, embedder, rng)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :SKIPPED]
    np.put_along_axis(scores, first, -2.0, axis=1)
    return scores


def _mixed(pool: Pool, embedder: Embedder, rng: np.random.Generator) -> np.ndarray:
    """Documents in turn from the random, the word and the dense order: the best place in any of them counts."""
    orders = [np.argsort(np.argsort(-each(pool, embedder, rng), axis=1), axis=1) for each in (_random, _words, _dense)]
    return -np.min([3 * order + turn for turn, order in enumerate(orders)], axis=0).astype(float)


_Miner = Callable[[Pool, Embedder, np.random.Generator], np.ndarray]
#: Each miner scores all documents of all queries; the highest that are not the positive are its negatives.
MINERS: dict[str, _Miner] = {
    "random": _random,
    "popular": _popular,
    "bm25": _words,
    "dense": _dense,
    "dense-after-10": _dense_later,
    "mixed": _mixed,
}


def mine_negatives(miner: str, pool: Pool, count: int, embedder: Embedder, *, seed: int = 0) -> np.ndarray:
    """The negatives of every query.

    Args:
        miner: one of `MINERS`.
        pool: queries and documents.
        count: negatives per query, at least 1.
        embedder: for the miners that need embeddings.
        seed: of what is drawn.

    Returns:
        [Q, count] places of documents, hardest first; never the query's positive, none twice.

    Raises:
        ConfigurationError: an unknown miner, or fewer other documents than negatives.
    """
    if miner not in MINERS:
        raise ConfigurationError(f"There is no miner {miner!r}. {nearest(miner, MINERS)}")
    if not 1 <= count < len(pool.documents):
        raise ConfigurationError(f"{count} negatives are asked for of {len(pool.documents)} documents.")
    scores = MINERS[miner](pool, embedder, np.random.default_rng(seed)).astype(float)
    np.put_along_axis(scores, np.asarray(pool.positives)[:, None], -np.inf, axis=1)
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]
