"""Effects of features on a label with length held fixed, and what they predict together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.diagnostics.regression import area_under_curve, logistic, standardised
from penchant.errors import DataError

__all__ = ["Effects", "controlled_effects", "predicted_area"]


@dataclass(frozen=True)
class Effects:
    """The effect of each of M features.

    Args:
        coefficients: [M] log-odds per standard deviation of the feature (of the label's unit where it is linear).
        errors: [M] their standard errors.
        win_rate_changes: [M] mean change of the predicted probability that A is preferred when the feature rises by one
            standard deviation; the coefficient itself where the fit is linear.
        order: features by the size of their coefficients, largest first.
    """

    coefficients: np.ndarray
    errors: np.ndarray
    win_rate_changes: np.ndarray
    order: list[int]


def controlled_effects(
    activations: np.ndarray,
    length: np.ndarray,
    labels: np.ndarray,
    *,
    classification: bool = True,
    standardise: bool = True,
) -> Effects:
    """One regression per feature of the label on an intercept, the difference in length, and the feature.

    y ~ 1 + ℓ_Δ + z_j

    Args:
        activations: [N, M] of differences A − B.
        length: [N] words of A less words of B.
        labels: [N], 1 where A is preferred; any number without ``classification``.
        classification: logistic instead of linear regression.
        standardise: length and features to mean 0 and population standard deviation 1.

    Raises:
        DataError: there are no rows, or all labels are equal.

    Example:
        >>> z = np.array([[1.0], [1.0], [-1.0], [-1.0], [1.0], [-1.0]])
        >>> controlled_effects(z, np.arange(6.0), np.array([1, 0, 0, 1, 1, 0])).coefficients.round(2).tolist()
        [0.79]

    Reference:
        Movva et al. (2025), arXiv:2510.26202.
    """
    labels = np.asarray(labels, dtype=float)
    if len(labels) == 0 or float(np.ptp(labels)) == 0.0:
        raise DataError(
            "All labels are equal, so no effect can be estimated." if len(labels) else "There are no labels.",
            fix="Give each pair in both orders, or draw at random which response is A.",
        )
    z, ell = (standardised(each) if standardise else each for each in (activations, np.asarray(length, dtype=float)))
    found = [_one(z[:, place], ell, labels, classification) for place in range(z.shape[1])]
    coefficients, errors, changes = np.array(found).reshape(-1, 3).T
    order = np.argsort(-np.abs(coefficients), kind="stable").tolist()
    return Effects(coefficients, errors, changes, order)


def _one(z: np.ndarray, ell: np.ndarray, labels: np.ndarray, classification: bool) -> tuple[float, float, float]:
    """Coefficient, standard error and change of the win rate of one feature."""
    rows = np.column_stack([np.ones_like(ell), ell, z])
    if not classification:
        found = np.linalg.lstsq(rows, labels, rcond=None)[0]
        left, freedom = labels - rows @ found, max(len(labels) - 3, 1)
        variance = np.linalg.pinv(rows.T @ rows, hermitian=True)[2, 2] * float(left @ left) / freedom
        return float(found[2]), float(max(variance, 0.0) ** 0.5), float(found[2])
    fit = logistic(rows, labels)
    logits = rows @ fit.coefficients
    rise = 1 / (1 + np.exp(-np.clip(logits + fit.coefficients[2], -500, 500)))
    change = float((rise - 1 / (1 + np.exp(-np.clip(logits, -500, 500)))).mean())
    return float(fit.coefficients[2]), float(fit.errors[2]), change


def predicted_area(train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    """Area under the ROC curve, on held-out rows, of a logistic regression on features that change sign with the order.

    Without an intercept and with a ridge of 1, so that the prediction for (B, A) is one minus that for (A, B).

    Args:
        train: [N, M], standardised by their own root mean square.
        labels: [N], 0 or 1.
        test: [T, M].
        test_labels: [T].

    Returns:
        NaN where the held-out labels are all equal.

    Raises:
        DataError: there are no rows to train on.
    """
    scale = np.sqrt((train**2).mean(axis=0))
    scale = np.where(scale > 1e-12, scale, 1.0)
    fit = logistic(train / scale, labels, ridge=1.0)
    return area_under_curve(test / scale @ fit.coefficients, test_labels)
