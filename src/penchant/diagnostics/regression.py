"""Logistic and linear regression by scipy and numpy: maximum likelihood, and the mode under a Laplace prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError
from penchant.statistics import area

__all__ = ["LogisticFit", "area_under_curve", "laplace_logistic", "log_likelihood", "logistic", "standardised"]


#: A hair of a ridge, so that separable data have finite coefficients; smaller than any digit that is shown.
RIDGE = 1e-9


@dataclass(frozen=True)
class LogisticFit:
    """A logistic regression.

    Args:
        coefficients: [J].
        errors: [J] standard errors, from the curvature of the likelihood; infinite where data do not bound a
            coefficient.
    """

    coefficients: np.ndarray
    errors: np.ndarray


def logistic(features: np.ndarray, labels: np.ndarray, ridge: float = RIDGE) -> LogisticFit:
    """Maximum-likelihood logistic regression without an intercept of its own, by Newton's method.

    Minimises Σ_i −log P(y_i | xᵢ) + ½ ridge ‖w‖²,   P(1 | x) = σ(wᵀx)

    Args:
        features: [N, J]; a column of ones is an intercept.
        labels: [N], 0 or 1, or shares between.
        ridge: a penalty on all coefficients.

    Raises:
        DataError: there is no row.

    Example:
        >>> found = logistic(np.ones((4, 1)), np.array([1.0, 1.0, 1.0, 0.0]))
        >>> round(float(found.coefficients[0]), 4)  # log 3
        1.0986
    """
    if len(features) == 0:
        raise DataError("There are no pairs to fit a regression to.")
    weights = np.zeros(features.shape[1])
    penalty = ridge * np.eye(features.shape[1])
    for _ in range(60):
        chance = _sigmoid(features @ weights)
        gradient = features.T @ (chance - labels) + ridge * weights
        curvature = (features * (chance * (1 - chance))[:, None]).T @ features + penalty
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        # A step of at most 5 logits keeps Newton's method from leaving where the likelihood is flat.
        weights = weights - step * min(1.0, 5.0 / max(float(np.abs(features @ step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-12:
            break
    variances = np.diag(np.linalg.pinv(curvature, hermitian=True))
    return LogisticFit(weights, np.sqrt(np.clip(variances, 0, None)))


def laplace_logistic(features: np.ndarray, labels: np.ndarray, scale: float = 0.1) -> np.ndarray:
    """The most likely coefficients of a logistic regression under a Laplace prior, without intercept.

    Minimises Σ_i −log σ(±αᵀcᵢ) + (1/scale) Σ_j |α_j|

    Args:
        features: [N, J].
        labels: [N], 0 or 1.
        scale: of the prior Laplace(0, scale); smaller shrinks more.

    Returns:
        [J]; exactly 0 where the data do not outweigh the prior.

    Raises:
        DataError: there is no row.

    Example:
        >>> features, labels = np.array([[1.0, 0.0]] * 300), np.array([1.0] * 200 + [0.0] * 100)
        >>> laplace_logistic(features, labels).round(3)
        array([0.547, 0.   ])
    """
    from scipy.optimize import minimize

    if len(features) == 0:
        raise DataError("There are no pairs to fit a regression to.")
    size = features.shape[1]
    # Labels enter by sign alone, and equal rows count once with their number: thousands of pairs have few patterns.
    rows, counts = np.unique(features * np.where(labels > 0.5, 1.0, -1.0)[:, None], axis=0, return_counts=True)

    def cost(split: np.ndarray) -> tuple[float, np.ndarray]:
        logits = rows @ (split[:size] - split[size:])
        slope = rows.T @ (-_sigmoid(-logits) * counts)
        value = float(counts @ np.logaddexp(0.0, -logits)) + float(split.sum()) / scale
        return value, np.concatenate([slope, -slope]) + 1 / scale

    # α is the difference of two parts at or above 0, which makes the absolute value smooth.
    options = {"maxiter": 2000, "maxfun": 20000, "ftol": 1e-14, "gtol": 1e-9}
    bounds = [(0.0, None)] * (2 * size)
    found = minimize(cost, np.zeros(2 * size), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x[:size] - found.x[size:])


def log_likelihood(features: np.ndarray, labels: np.ndarray, coefficients: np.ndarray) -> float:
    """Mean log-likelihood of labels, nats per row; log ½ = −0.693 is chance.

    Args:
        features: [N, J].
        labels: [N], 0 or 1.
        coefficients: [J].
    """
    logits = (features @ coefficients) * np.where(labels > 0.5, 1.0, -1.0)
    return float(-np.logaddexp(0.0, -logits).mean())


def standardised(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and population standard deviation 1; a constant column becomes 0.

    Args:
        values: [N] or [N, J].

    Example:
        >>> standardised(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0)) / np.where(spread > 1e-12, spread, 1.0))


def area_under_curve(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve; 0.5 is chance, ties count half; NaN if all labels are equal.

    Args:
        scores: [N], higher means label 1.
        labels: [N], 0 or 1.

    Example:
        >>> area_under_curve(np.array([0.1, 0.4, 0.4]), np.array([0, 0, 1]))
        0.75
    """
    right = labels > 0.5
    if right.all() or not right.any():
        return float("nan")
    return area(scores[right].tolist(), scores[~right].tolist())


def _sigmoid(values: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(values))
