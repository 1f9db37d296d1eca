"""Predictors of ratings without a language model: means, and matrix factorisation by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.ratings.protocol import Rated, Split

__all__ = ["global_mean", "item_mean", "matrix_factorisation", "user_mean"]


def global_mean(split: Split) -> list[float]:
    """The mean of all ratings of the training data, for every task."""
    return [_mean(split)] * len(split.tasks)


def item_mean(split: Split) -> list[float]:
    """The item's mean in the training data; of items without a rating there, the global mean."""
    given: dict[int, list[float]] = {}
    for each in split.train:
        given.setdefault(each.item, []).append(each.rating)
    overall = _mean(split)
    return [fmean(given[task.target.item]) if task.target.item in given else overall for task in split.tasks]


def user_mean(split: Split) -> list[float]:
    """The mean of the user's earlier ratings: the history of the task, which ends before it."""
    overall = _mean(split)
    return [fmean(each.rating for each in task.history) if task.history else overall for task in split.tasks]


def matrix_factorisation(split: Split, *, factors: int = 4, damping: float = 5.0, seed: int = 0) -> list[float]:
    """Means of user and item, and a truncated singular value decomposition of what they leave (scikit-learn).

    prediction = global mean + b_item + b_user + r V Vᵀ,   r the user's residuals, 0 where nothing is rated

    Mean, item biases and V come from the training data. The user of a task is folded in by the history of the task, as
    a prompt would show it. Biases are damped: with few ratings they stay near 0.

    Args:
        split: training data and tasks.
        factors: rank, at least 1.
        damping: number of ratings at which a bias counts half.
        seed: of the decomposition.

    Raises:
        ConfigurationError: scikit-learn is missing, or ``factors`` is below 1.
    """
    if factors < 1:
        raise ConfigurationError(f"There are {factors} factors, expected at least 1.")
    rated = [*split.train, *(each for task in split.tasks for each in (*task.history, task.target))]
    items = {item: place for place, item in enumerate(sorted({each.item for each in rated}))}
    mean, column = _mean(split), [items[each.item] for each in split.train]
    of_items = _damped(column, np.asarray([each.rating - mean for each in split.train]), len(items), damping)

    def folded(given: Sequence[Rated]) -> tuple[float, np.ndarray]:
        places = [items[each.item] for each in given]
        left = np.asarray([each.rating for each in given]) - mean - of_items[places]
        bias, row = float(left.sum() / (len(given) + damping)), np.zeros(len(items))
        row[places] = left - bias
        return bias, row

    by_user: dict[int, list[Rated]] = {}
    for each in split.train:
        by_user.setdefault(each.user, []).append(each)
    axes = _axes(np.asarray([folded(given)[1] for given in by_user.values()]), factors, seed)
    found = []
    for task in split.tasks:
        bias, row = folded(task.history)
        place = items[task.target.item]
        guess = mean + of_items[place] + bias + (row @ axes.T) @ axes[:, place]
        found.append(float(np.clip(guess, 1, 5)))
    return found


def _axes(table: np.ndarray, rank: int, seed: int) -> np.ndarray:
    """[rank, items] the leading right singular vectors; fewer where the table has no larger rank."""
    try:
        from sklearn.decomposition import TruncatedSVD
    except ImportError as error:
        raise ConfigurationError(
            "Matrix factorisation needs scikit-learn.", fix="pip install 'penchant[evaluation]'"
        ) from error
    rank = min(rank, min(table.shape) - 1)
    if rank < 1:
        return np.zeros((0, table.shape[1]))
    return TruncatedSVD(rank, random_state=seed).fit(table).components_


def _damped(places: list[int], gaps: np.ndarray, count: int, damping: float) -> np.ndarray:
    sums = np.bincount(places, weights=gaps, minlength=count)
    return sums / (np.bincount(places, minlength=count) + damping)


def _mean(split: Split) -> float:
    return fmean(each.rating for each in split.train)
