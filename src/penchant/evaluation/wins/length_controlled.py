"""The length-controlled win rate of AlpacaEval 2: what the win rate would be if all responses were equally long."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import expit

from penchant.errors import ConfigurationError, DataError

__all__ = [
    "LengthControlled",
    "Regularising",
    "extreme_change",
    "length_controlled",
    "rate_between",
    "standardised_lengths",
]

#: Strengths that cross-validation chooses from, as in scikit-learn.
STRENGTHS = np.logspace(-4, 4, 10)


@dataclass(frozen=True)
class Regularising:
    """Comparisons of the baseline with its own concise and verbose versions.

    Args:
        preferences: [M] in [0, 1].
        length: [M] the standardised difference of lengths.
        difficulty: [M] of the instructions.
        weight: λ; each row weighs λ/2, since there are two versions.
    """

    preferences: Sequence[float]
    length: Sequence[float]
    difficulty: Sequence[float]
    weight: float = 0.2


@dataclass(frozen=True)
class LengthControlled:
    """A length-controlled win rate.

    Args:
        rate: percent.
        standard_error: of the predictions, percent.
        length: φ, the coefficient of the length; negative where the judge prefers longer responses.
        difficulty: ψ, that of the instruction's difficulty; None where it was left out.
        strength: θ, that of the model itself.
        penalty: C, the inverse strength of the penalty.
        raw: the raw win rate, percent.
        predictions: the predicted preference of each row at equal length.
    """

    rate: float
    standard_error: float
    length: float
    difficulty: float | None
    strength: float
    penalty: float
    raw: float
    predictions: np.ndarray = field(repr=False)

    @property
    def extreme(self) -> bool:
        """Whether the rate is so far from the raw one that the fit may have failed; see `extreme_change`."""
        return extreme_change(self.raw, self.rate)


def length_controlled(
    preferences: Sequence[float],
    baseline_lengths: Sequence[float],
    model_lengths: Sequence[float],
    difficulty: Sequence[float] | None = None,
    *,
    regularising: Regularising | None = None,
    folds: int = 5,
    penalty: float = 100.0,
    seed: int = 123,
) -> LengthControlled:
    """The length-controlled win rate.

    logit P = φ tanh(ℓ) + ψ d + θ,   ℓ = (len_baseline − len_model) / std;   rate = 100 · mean σ(ψ d + θ)

    Args:
        preferences: [N] in [0, 1], the probability that the model is preferred to the baseline.
        baseline_lengths: [N] characters.
        model_lengths: [N] characters.
        difficulty: [N] d, of the instructions; None leaves the term out.
        regularising: rows that keep φ and ψ near those of the baseline.
        folds: of the cross-validation that chooses the penalty; 0 takes ``penalty``.
        penalty: C of the L1 penalty; a larger number is a weaker penalty.
        seed: of the solver.

    Raises:
        DataError: numbers are missing or wrong.
        ConfigurationError: scikit-learn is not installed.

    Reference:
        Dubois et al. (2024), Length-Controlled AlpacaEval, arXiv:2404.04475.
    """
    own = _columns(preferences, baseline_lengths, model_lengths)
    design = _design(own[1], difficulty, np.ones(len(own[0])))
    rows, target, weight = design, own[0], np.ones(len(own[0]))
    if regularising is not None:
        extra = regularising.difficulty if difficulty is not None else None
        added = _design(np.asarray(regularising.length, float), extra, np.zeros(len(regularising.length)))
        rows, target = np.vstack([added, design]), np.concatenate([regularising.preferences, target])
        weight = np.concatenate([np.full(len(added), regularising.weight / 2), weight])
    chosen = _chosen_penalty(rows, target, weight, folds, seed) if folds else penalty
    coefficients = _fitted(rows, target, weight, chosen, seed)
    at_equal_length = design.copy()
    at_equal_length[:, 0] = 0.0
    predictions = expit(at_equal_length @ coefficients)
    return LengthControlled(
        rate=100 * float(predictions.mean()),
        standard_error=100 * float(predictions.std(ddof=1) / len(predictions) ** 0.5),
        length=float(coefficients[0]),
        difficulty=float(coefficients[1]) if difficulty is not None else None,
        strength=float(coefficients[-1]),
        penalty=float(chosen),
        raw=100 * float(own[0].mean()),
        predictions=predictions,
    )


def rate_between(first: LengthControlled, second: LengthControlled, difficulty: Sequence[float]) -> float:
    """The length-controlled rate of one model over another, from their fits against one baseline, percent.

    rate = 100 · mean σ((ψ₁ − ψ₂) d + θ₁ − θ₂)

    Args:
        first: the model.
        second: the other model.
        difficulty: [N] of the instructions.
    """
    slope = (first.difficulty or 0.0) - (second.difficulty or 0.0)
    return 100 * float(expit(slope * np.asarray(difficulty, float) + first.strength - second.strength).mean())


def extreme_change(raw: float, controlled: float) -> bool:
    """Whether a length-controlled rate differs from the raw one by a quarter of the room and by 10 points.

    Args:
        raw: percent.
        controlled: percent.

    Example:
        >>> extreme_change(20.0, 38.0), extreme_change(20.0, 45.0)
        (False, True)
    """
    return controlled < min(raw * 0.75, raw - 10) or controlled > max(raw + (100 - raw) / 4, raw + 10)


def _columns(preferences: Sequence[float], baseline: Sequence[float], model: Sequence[float]) -> list[np.ndarray]:
    given = [np.asarray(each, dtype=float) for each in (preferences, baseline, model)]
    if len({len(each) for each in given}) > 1 or len(given[0]) < 2:
        raise DataError(f"Two or more rows with a preference and two lengths are needed; got {[*map(len, given)]}.")
    if not all(np.isfinite(each).all() for each in given) or given[0].min() < 0 or given[0].max() > 1:
        raise DataError("A preference is not in [0, 1], or a length is not a number.")
    return [given[0], standardised_lengths(given[1], given[2])]


def standardised_lengths(baseline: Sequence[float] | np.ndarray, model: Sequence[float] | np.ndarray) -> np.ndarray:
    """ℓ = (len_baseline − len_model) / std of these differences; 0 where all are equal.

    Args:
        baseline: [N] characters, N above 1.
        model: [N] characters.
    """
    apart = np.asarray(baseline, float) - np.asarray(model, float)
    spread = apart.std(ddof=1)
    return apart / spread if spread else np.zeros(len(apart))


def _design(length: np.ndarray, difficulty: Sequence[float] | None, own: np.ndarray) -> np.ndarray:
    columns = [np.tanh(length), *([] if difficulty is None else [np.asarray(difficulty, float)]), own]
    return np.stack(columns, axis=1)


def _fitted(rows: np.ndarray, target: np.ndarray, weight: np.ndarray, penalty: float, seed: int) -> np.ndarray:
    """Coefficients of the L1-penalised logistic regression on soft labels."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ConfigurationError(
            "The length-controlled win rate needs scikit-learn.", fix="pip install 'penchant[evaluation]'"
        ) from error
    # scikit-learn 1.8 names the penalty by its share of L1.
    by_share = inspect.signature(LogisticRegression).parameters["l1_ratio"].default is not None
    lasso: dict[str, Any] = {"l1_ratio": 1.0} if by_share else {"penalty": "l1"}
    model = LogisticRegression(C=penalty, solver="liblinear", fit_intercept=False, random_state=seed, **lasso)
    # A soft label is the row twice: as a win that weighs p, and as a loss that weighs 1 − p.
    labels = np.repeat([1, 0], len(rows))
    model.fit(np.vstack([rows, rows]), labels, np.concatenate([target * weight, (1 - target) * weight]))
    return model.coef_[0]


def _chosen_penalty(rows: np.ndarray, target: np.ndarray, weight: np.ndarray, folds: int, seed: int) -> float:
    """The penalty of least log-loss on held-out rows."""
    from sklearn.model_selection import GroupKFold

    if len(rows) < folds:
        raise DataError(f"{len(rows)} rows cannot be divided into {folds} folds.", fix="Give folds=0.")
    doubled = np.tile(np.arange(len(rows)), 2)  # both copies of a row go to one fold
    losses = np.zeros(len(STRENGTHS))
    for train, test in GroupKFold(n_splits=folds).split(doubled, groups=doubled):
        seen, held = np.unique(doubled[train]), np.unique(doubled[test])
        for number, strength in enumerate(STRENGTHS):
            logits = rows[held] @ _fitted(rows[seen], target[seen], weight[seen], strength, seed)
            each = target[held] * np.logaddexp(0, -logits) + (1 - target[held]) * np.logaddexp(0, logits)
            losses[number] += float((weight[held] * each).mean())
    return float(STRENGTHS[int(losses.argmin())])
