"""PROFILE: how a judge's preferences go with single factors, and how alike two judges are in this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from penchant.errors import ConfigurationError, DataError

__all__ = ["alignment", "evaluation_gap", "factor_score"]


def factor_score(factor: np.ndarray, preference: np.ndarray) -> float:
    """How a factor goes with the overall judgement, τ(f).

    τ = (C − D) / (C + D + T)

    Args:
        factor: [N] +1 where response A has more of the factor, −1 where B has, 0 where they are equal.
        preference: [N] +1 where A is preferred, −1 where B is, 0 for a tie.

    Returns:
        In [−1, 1]. C counts the pairs whose winner has more of the factor, D those whose loser has, T the ties in
        either. 1: the judge always takes what has more of it; 0: no relation, or all ties.

    Raises:
        DataError: there is no pair, or the lengths differ.

    Example:
        >>> factor_score(np.array([1, 1, -1, 0]), np.array([1, -1, -1, 1]))
        0.25

    Reference:
        Oh et al. (2024), Uncovering Factor Level Preferences to Improve Human-Model Alignment, arXiv:2410.06965.
    """
    if len(factor) != len(preference) or not len(factor):
        raise DataError(f"There are {len(factor)} comparisons of a factor for {len(preference)} preferences.")
    return float((np.sign(factor) * np.sign(preference)).mean())


def alignment(first: Sequence[float], second: Sequence[float]) -> dict[str, float]:
    """How alike two judges weigh the same factors: correlations of their factor scores.

    Args:
        first: [F] τ of a judge.
        second: [F] τ of another.

    Returns:
        ``spearman``, ``kendall`` and ``pearson``, each in [−1, 1]; NaN where a judge weighs all factors alike.

    Raises:
        ConfigurationError: the lengths differ, or there are fewer than two factors.

    Example:
        >>> alignment([0.1, 0.2, 0.4], [0.2, 0.3, 0.9])["kendall"]
        1.0
    """
    from scipy import stats

    if len(first) != len(second) or len(first) < 2:
        raise ConfigurationError(f"The judges have {len(first)} and {len(second)} factors; expected two or more alike.")
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return dict.fromkeys(("spearman", "kendall", "pearson"), float("nan"))
    kinds = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}
    return {name: round(float(correlate(first, second)[0]), 12) for name, correlate in kinds.items()}


def evaluation_gap(
    human: Sequence[float], generating: Sequence[float], evaluating: Sequence[float]
) -> Mapping[str, float]:
    """How much nearer to people a model's judgements are than its own responses: alignment while evaluating less that
    while generating.

    Args:
        human: [F] τ of people.
        generating: [F] τ of the model's responses, ordered by the quality that it meant to give them.
        evaluating: [F] τ of the model as a judge.

    Example:
        >>> round(evaluation_gap([1, 2, 3], [3, 2, 1], [1, 2, 3])["pearson"], 6)
        2.0
    """
    judged, made = alignment(human, evaluating), alignment(human, generating)
    return {name: judged[name] - made[name] for name in judged}
