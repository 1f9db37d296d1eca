"""Texts of items that have none: a few tokens each, shared by items that the same users take."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any

import numpy as np

__all__ = ["code_words", "item_codes", "item_vectors"]

#: Items further apart in a history than this count as unrelated.
WINDOW = 5


def item_vectors(histories: Sequence[Sequence[int]], items: int, width: int = 32) -> np.ndarray[Any, Any]:
    """Vectors of items by what stands near them in histories.

    The leading eigenvectors of co-occurrence counts, weighted by 1/distance and divided by √(count_i count_j).

    Args:
        histories: item numbers of each user, oldest first.
        items: number of items.
        width: number of dimensions, less for few items.

    Returns:
        [items, width], of length 1, or 0 for an item without neighbours.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import svds

    left: list[int] = []
    right: list[int] = []
    weight: list[float] = []
    for history in histories:
        for gap in range(1, min(WINDOW, len(history) - 1) + 1):
            left += history[:-gap]
            right += history[gap:]
            weight += [1 / gap] * (len(history) - gap)
    near = coo_matrix((weight, (left, right)), (items, items)).tocsr()
    near = near + near.T
    scale = 1 / np.sqrt(np.maximum(np.asarray(near.sum(1)).ravel(), 1e-9))
    near = diags(scale) @ near @ diags(scale)
    width = min(width, items - 1)
    if width < 1 or not near.nnz:
        return np.zeros((items, 1))
    vectors, values, _ = svds(near, k=width, v0=np.ones(items) / math.sqrt(items))
    vectors = vectors * np.sqrt(np.abs(values))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 1e-9, length, 1.0)


def item_codes(vectors: np.ndarray[Any, Any] | int, length: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Different codes for all items, of as few values as possible; similar items have codes that begin alike.

    The items are halved along the main direction of their vectors, each half again, and so on; the path of an item, cut
    into ``length`` parts, is its code.

    Args:
        vectors: [items, width]; or the number of items, for codes by chance.
        length: numbers in a code, at least 1.
        seed: order of items whose vectors are equal, and codes by chance.

    Example:
        >>> item_codes(np.array([[1.0], [-1.0], [0.9], [-0.9]]), 2)
        [(1, 1), (0, 0), (1, 0), (0, 1)]
    """
    items = vectors if isinstance(vectors, int) else len(vectors)
    order = list(range(items))
    random.Random(seed).shuffle(order)
    if length == 1:
        return [(number,) for number in range(items)]
    bits = max(1, math.ceil(math.log2(items)))
    each = math.ceil(bits / length)
    paths = np.zeros(items, dtype=np.int64)
    groups = [np.array(order)]
    for _ in range(each * length):
        below = []
        for group in groups:
            first, second = _halves(group, None if isinstance(vectors, int) else vectors)
            paths[group] *= 2
            paths[second] += 1
            below += [part for part in (first, second) if len(part)]
        groups = below
    shifts = [each * (length - 1 - at) for at in range(length)]
    return [tuple((int(path) >> shift) & ((1 << each) - 1) for shift in shifts) for path in paths]


def _halves(group: Any, vectors: Any) -> tuple[Any, Any]:
    """A group cut at the median along its main direction; a group of one stays whole."""
    if len(group) > 2 and vectors is not None:
        centred = vectors[group] - vectors[group].mean(0)
        _, axes = np.linalg.eigh(centred.T @ centred)
        main = axes[:, -1] * np.sign(axes[np.abs(axes[:, -1]).argmax(), -1])
        group = group[np.argsort(centred @ main, kind="stable")]
    elif len(group) == 2 and vectors is not None:
        group = group[np.argsort(vectors[group].sum(1), kind="stable")]
    half = (len(group) + 1) // 2
    return group[:half], group[half:]


def code_words(code: Sequence[int]) -> list[str]:
    """The words of a code, one per token; the letter is the place.

    Example:
        >>> code_words((3, 12))
        ['<a3>', '<b12>']
    """
    return [f"<{ascii_lowercase[at]}{number}>" for at, number in enumerate(code)]
