"""Preference Dissection: how much a judge rewards each property, by logistic regression under a Laplace prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penchant.diagnostics.regression import laplace_logistic
from penchant.errors import ConfigurationError, DataError

__all__ = ["FLIPPED", "feature_vector", "fit_by_folds", "preferred", "win_probability"]

#: Properties whose comparison counts with the opposite sign, by the name of the result.
FLIPPED = {"non-repetitive": "repetitive"}
#: Errors enter as their absence, one property for each degree.
_ERRORS = {"no severe errors": "Severe", "no moderate errors": "Moderate", "no minor errors": "Minor"}


def feature_vector(comparison: Mapping[str, Any], properties: Sequence[str]) -> list[int]:
    """The comparison of two responses as the vector c of a regression.

    Args:
        comparison: by property +1 where A has more of it, −1 where B has, 0 where they are equal. Errors may stand
            under ``accuracy`` as ``{"Severe": c, "Moderate": c, "Minor": c}``, already as their absence; ``repetitive``
            is flipped into ``non-repetitive``.
        properties: names in the order of the result.

    Raises:
        DataError: a property is not compared.

    Example:
        >>> feature_vector({"repetitive": -1, "accuracy": {"Minor": 0}}, ["non-repetitive", "no minor errors"])
        [1, 0]
    """
    return [_compared(comparison, name) for name in properties]


def _compared(comparison: Mapping[str, Any], name: str) -> int:
    if name in comparison:
        return int(comparison[name])
    if name in FLIPPED and FLIPPED[name] in comparison:
        return -int(comparison[FLIPPED[name]])
    errors = comparison.get("accuracy")
    if name in _ERRORS and isinstance(errors, Mapping) and _ERRORS[name] in errors:
        return int(errors[_ERRORS[name]])
    raise DataError(f"The comparison has no {name!r}; it has {', '.join(map(repr, comparison)) or 'nothing'}.")


def win_probability(features: Any, coefficients: Sequence[float]) -> np.ndarray:
    """P(A ≻ B) = σ(αᵀc).

    With one property c = 1 and the others 0: the chance of a response that is better in this property alone.

    Args:
        features: [..., J] comparisons c.
        coefficients: [J] α.

    Raises:
        ConfigurationError: the numbers of properties differ.

    Example:
        >>> win_probability([[0, 0], [1, 1]], [0.5, 0.0]).round(3).tolist()
        [0.5, 0.622]
    """
    from scipy.special import expit

    given, alpha = np.asarray(features, dtype=float), np.asarray(coefficients, dtype=float)
    if given.shape[-1] != len(alpha):
        raise ConfigurationError(f"There are {given.shape[-1]} comparisons for {len(alpha)} coefficients.")
    return np.asarray(expit(given @ alpha))


def preferred(probabilities: np.ndarray) -> np.ndarray:
    """1 where A is predicted to be preferred, 0 where B is or neither."""
    return (np.asarray(probabilities) > 0.5).astype(int)


def fit_by_folds(
    features: np.ndarray, labels: np.ndarray, *, scale: float = 0.1, folds: int = 10, seed: int = 0
) -> np.ndarray:
    """The coefficients α of a judge: the mean over fits that leave out one fold each.

    P(A ≻ B) = σ(αᵀc),   α_j ~ Laplace(0, scale)

    Each fit is the mode of the posterior; the paper takes its mean by Monte Carlo. Swapping A and B of a pair negates c
    and flips the label, so it changes nothing: pairs may all have their preferred response first.

    Args:
        features: [N, J] comparisons c.
        labels: [N], 1 where A is preferred, 0 where B is.
        scale: of the prior.
        folds: number of fits; with fewer rows than folds, each row is a fold. 1 for a single fit on all.
        seed: of the division into folds.

    Returns:
        [J], log-odds.

    Raises:
        DataError: there is no pair.

    Example:
        >>> c = np.array([[1.0, 1.0], [1.0, -1.0]] * 50)
        >>> fit_by_folds(c, np.ones(100)).round(2).tolist()
        [2.08, 0.0]

    Reference:
        Li et al. (2024), Dissecting Human and LLM Preferences, arXiv:2402.11296.
    """
    folds = min(folds, len(labels))
    if folds < 2:
        return laplace_logistic(features, labels, scale)
    fold = np.random.default_rng(seed).permutation(len(labels)) % folds
    fits = [laplace_logistic(features[fold != one], labels[fold != one], scale) for one in range(folds)]
    return np.asarray(np.mean(fits, axis=0))
