"""Similarity of two judges by what they reward."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penchant.errors import ConfigurationError, nearest

__all__ = ["SIMILARITIES", "similarity"]

#: Ways to compare two vectors of coefficients. 1 or 0 is equality; the normed distances are in units of coefficients.
SIMILARITIES = ("pearson", "spearman", "normed_l1", "normed_l2")


def similarity(first: Sequence[float], second: Sequence[float], kind: str = "pearson") -> float:
    """How alike two judges are, by their coefficients on the same J properties.

    pearson, spearman: correlation,   normed_l1: −Σ|a − b| / J,   normed_l2: −√(Σ(a − b)²) / J

    Args:
        first: [J].
        second: [J].
        kind: one of `SIMILARITIES`.

    Returns:
        Correlations are in [−1, 1], NaN where a vector is constant; normed distances are at most 0.

    Raises:
        ConfigurationError: the lengths differ, there is no property, or there is no such kind.

    Example:
        >>> similarity([1.0, 2.0], [3.0, 2.0], "normed_l1")
        -1.0

    Reference:
        Li et al. (2024), Dissecting Human and LLM Preferences, arXiv:2402.11296.
    """
    if kind not in SIMILARITIES:
        raise ConfigurationError(f"There is no similarity {kind!r}.", fix=nearest(kind, SIMILARITIES))
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.shape != b.shape or not len(a):
        raise ConfigurationError(f"The judges have {len(a)} and {len(b)} coefficients; expected the same properties.")
    if kind == "normed_l1":
        return float(-np.abs(a - b).mean())
    if kind == "normed_l2":
        return float(-np.linalg.norm(a - b) / len(a))
    if kind == "spearman":
        from scipy.stats import rankdata

        a, b = rankdata(a), rankdata(b)
    return _correlation(a, b)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else float("nan")
