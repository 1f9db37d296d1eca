"""Length exploitation: how much of a gain in score comes with a gain in length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.diagnostics.regression import logistic
from penchant.errors import DataError
from penchant.statistics import Interval, share_interval

__all__ = ["MEANINGS", "LengthExploitation", "length_exploitation"]

#: The meaning of each figure by name.
MEANINGS = {
    "length/ratio": "mean length of chosen responses over that of rejected ones",
    "length/longer_chosen": "pairs of unequal length whose chosen response is longer",
    "length/longer_rewarded": "pairs of unequal length whose longer response has the larger implicit reward",
    "length/correlation": "of the implicit reward margin with the log-ratio of lengths",
    "length/accuracy": "pairs ranked right by the implicit reward",
    "length/accuracy_matched": "the same where lengths differ by at most a tenth",
    "length/pairs_matched": "number of pairs whose lengths differ by at most a tenth",
    "length/accuracy_controlled": "the same at equal length, by logistic regression",
    "length/margin": "mean implicit reward margin, nats",
    "length/margin_controlled": "the same at equal length, by linear regression",
}
# The inverse strength C = 100 that AlpacaEval takes without cross-validation.
_RIDGE = 0.01


@dataclass(frozen=True)
class LengthExploitation:
    """How the scores of two responses to each prompt go with their lengths.

    Args:
        pairs: number of pairs.
        ratio: mean length of the first responses over that of the second ones.
        longer: share of pairs of unequal length whose first response is longer; None without such pairs.
        longer_wins: share of these whose longer response scores higher, ties counting half; None without such pairs.
        correlation: Pearson's, of the gain in score with the log-ratio of lengths; None where one does not vary.
        wins: share of pairs whose first response scores higher, ties counting half.
        matched: the same where lengths differ by at most the tolerance; None without such pairs.
        matched_pairs: the number of these.
        controlled: the share at equal length, by logistic regression.
        gain: mean gain in score.
        controlled_gain: the same at equal length, by linear regression.
    """

    pairs: int
    ratio: float
    longer: float | None
    longer_wins: float | None
    correlation: float | None
    wins: Interval
    matched: Interval | None
    matched_pairs: int
    controlled: float
    gain: float
    controlled_gain: float

    def figures(self) -> dict[str, float]:
        """The figures by their names in a diagnosis, of chosen and rejected responses; those that are known."""
        found = {
            "ratio": self.ratio,
            "longer_chosen": self.longer,
            "longer_rewarded": self.longer_wins,
            "correlation": self.correlation,
            "accuracy": self.wins.value,
            "accuracy_matched": None if self.matched is None else self.matched.value,
            "pairs_matched": float(self.matched_pairs),
            "accuracy_controlled": self.controlled,
            "margin": self.gain,
            "margin_controlled": self.controlled_gain,
        }
        return {f"length/{name}": value for name, value in found.items() if value is not None}


def length_exploitation(
    lengths: Sequence[float],
    other_lengths: Sequence[float],
    scores: Sequence[float],
    other_scores: Sequence[float],
    *,
    tolerance: float = 0.1,
) -> LengthExploitation:
    """Compare raw, matched and controlled scores of two responses to each prompt.

    Tuned against initial model, or chosen against rejected response. With the gain g = s₁ − s₂ and the lengths ℓ:

        matched:          share of g > 0 where |log(ℓ₁/ℓ₂)| ≤ log(1 + tolerance)
        controlled:       σ(θ) of logit P(g > 0) = θ + φ tanh((ℓ₁ − ℓ₂) / std)
        controlled gain:  α of g = α + κ log(ℓ₁/ℓ₂)

    A win rate that falls much from raw to controlled was bought with length.

    Args:
        lengths: [N] of the first responses, in tokens, words or characters; 0 counts as 1 in ratios of single pairs.
        other_lengths: [N] of the second ones.
        scores: [N] of the first responses.
        other_scores: [N] of the second ones.
        tolerance: relative difference of lengths that counts as equal.

    Raises:
        DataError: there is no pair, the numbers of values differ, or one is not finite.

    Example:
        >>> longer, same = [20.0, 20.0, 10.0, 10.0], [10.0, 10.0, 10.0, 10.0]
        >>> found = length_exploitation(longer, same, [1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0])
        >>> found.ratio, found.wins.value, found.matched.value, found.longer_wins
        (1.5, 0.625, 0.25, 1.0)

    Reference:
        The form of the regression is that of Dubois et al. (2024), Length-Controlled AlpacaEval, arXiv:2404.04475.
    """
    first, second, score, other = _columns(lengths, other_lengths, scores, other_scores)
    gain, apart = score - other, np.log(np.maximum(first, 1.0) / np.maximum(second, 1.0))
    won = np.where(gain == 0, 0.5, (gain > 0).astype(float))
    unequal, close = first != second, np.abs(apart) <= np.log1p(tolerance) + 1e-12
    sides = np.where(first > second, won, 1 - won)[unequal]
    spread = (first - second).std()
    design = np.column_stack([np.ones(len(gain)), np.tanh((first - second) / spread) if spread else 0.0 * gain])
    intercept = float(logistic(design, won, _RIDGE).coefficients[0])
    return LengthExploitation(
        pairs=len(gain),
        ratio=float(first.mean() / max(second.mean(), 1e-9)),
        longer=float((first > second)[unequal].mean()) if unequal.any() else None,
        longer_wins=float(sides.mean()) if unequal.any() else None,
        correlation=_correlation(gain, apart),
        wins=share_interval(float(won.mean()), len(won)),
        matched=share_interval(float(won[close].mean()), int(close.sum())) if close.any() else None,
        matched_pairs=int(close.sum()),
        controlled=float(1 / (1 + np.exp(-intercept))),
        gain=float(gain.mean()),
        controlled_gain=float(np.linalg.lstsq(np.column_stack([np.ones(len(gain)), apart]), gain, rcond=None)[0][0]),
    )


def _correlation(gain: np.ndarray, apart: np.ndarray) -> float | None:
    if gain.std() == 0 or apart.std() == 0:
        return None
    return float(np.corrcoef(gain, apart)[0, 1])


def _columns(*given: Sequence[float]) -> list[np.ndarray]:
    columns = [np.asarray(each, dtype=float) for each in given]
    if len({len(each) for each in columns}) > 1 or not len(columns[0]):
        raise DataError(
            f"Two lengths and two scores of every pair are needed; got {[len(each) for each in columns]} of them."
        )
    if not all(np.isfinite(each).all() for each in columns):
        raise DataError(
            "A length or a score is not a finite number.", fix="Leave out responses that could not be scored."
        )
    return columns
