"""What the labels of data, and judges, reward: coefficients of properties with intervals, factor scores, similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from penchant.diagnostics.pairs import DataPairs
from penchant.diagnostics.properties.annotators import PROPERTIES, Property
from penchant.diagnostics.properties.coefficients import fit_by_folds
from penchant.diagnostics.properties.factors import alignment, factor_score
from penchant.diagnostics.properties.similarity import similarity
from penchant.diagnostics.regression import laplace_logistic
from penchant.errors import DataError

__all__ = ["Dissection", "compare_pairs", "dissect", "similarities"]


@dataclass(frozen=True)
class Dissection:
    """What a judge rewards.

    Args:
        pairs: number of pairs that the judge orders.
        names: J properties.
        coefficients: [J] α, log-odds of a response that is better in this property alone.
        low: [J] lower end of the 95% interval, by bootstrap over prompts.
        high: [J] its upper end.
        factors: [J] τ, how the property goes with the preference by itself, in [−1, 1].
        differ: [J] share of pairs whose responses differ in the property.
    """

    pairs: int
    names: tuple[str, ...]
    coefficients: np.ndarray
    low: np.ndarray
    high: np.ndarray
    factors: np.ndarray
    differ: np.ndarray

    @property
    def chances(self) -> np.ndarray:
        """[J] σ(α): chance that a response wins that is better in this property alone."""
        return np.asarray(1 / (1 + np.exp(-self.coefficients)))

    @property
    def order(self) -> list[int]:
        """Properties from the most rewarded to the most punished."""
        return np.argsort(-self.coefficients, kind="stable").tolist()

    def rows(self) -> list[dict[str, float | str]]:
        """One row per property in `order`, as JSON values."""
        chances = self.chances
        return [
            {
                "property": self.names[place],
                "coefficient": float(self.coefficients[place]),
                "low": float(self.low[place]),
                "high": float(self.high[place]),
                "win_probability": float(chances[place]),
                "tau": float(self.factors[place]),
                "differ": float(self.differ[place]),
            }
            for place in self.order
        ]


def compare_pairs(pairs: DataPairs, properties: Sequence[Property] = tuple(PROPERTIES.values())) -> np.ndarray:
    """The comparisons of all pairs by all properties.

    Args:
        pairs: N pairs.
        properties: J of them.

    Returns:
        [N, J], +1 where response A has more of the property, −1 where B has, 0 where they are equal.

    Example:
        >>> from penchant.diagnostics.pairs import pairs_of_feedback
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": "Hi", "chosen": "Hello!", "rejected": f"Hello {'there ' * size}"} for size in (5, 6)]
        >>> pairs = pairs_of_feedback(read(rows))
        >>> (compare_pairs(pairs, [PROPERTIES["lengthy"]])[:, 0] * (2 * pairs.labels - 1)).tolist()
        [-1.0, -1.0]
    """
    rows = [[each.compare(pair.prompt, pair.first, pair.second) for each in properties] for pair in pairs.pairs]
    return np.array(rows, dtype=float).reshape(len(pairs), len(properties))


def dissect(
    names: Sequence[str],
    features: np.ndarray,
    labels: np.ndarray,
    groups: Sequence[str],
    *,
    scale: float = 0.1,
    folds: int = 10,
    seed: int = 0,
    rounds: int = 200,
) -> Dissection:
    """What a judge rewards (Preference Dissection), with intervals.

    Args:
        names: J properties.
        features: [N, J] comparisons, as `compare_pairs` gives them.
        labels: [N], 1 where A is preferred, 0 where B is, NaN where the judge has no preference.
        groups: [N] the prompt of each pair; the bootstrap draws whole prompts.
        scale: of the Laplace prior on the coefficients.
        folds: the coefficients are the mean over fits that leave out one fold each.
        seed: of folds and bootstrap.
        rounds: of the bootstrap.

    Raises:
        DataError: the judge orders no pair.
    """
    known = ~np.isnan(labels)
    if not known.any():
        raise DataError(
            "The judge prefers neither response in all pairs: ties only.", fix="Give a judge or labels that decide."
        )
    tied = np.where(known, 2 * np.nan_to_num(labels) - 1, 0.0)
    tau = np.array([factor_score(column, tied) for column in features.T])
    features, labels = features[known], labels[known]
    found = fit_by_folds(features, labels, scale=scale, folds=folds, seed=seed)
    kept = [group for group, each in zip(groups, known, strict=True) if each]
    draws = _bootstrap(features, labels, kept, scale, seed, rounds)
    # The mode of a round can be exactly 0; the interval is widened to hold the estimate itself.
    low, high = (
        np.minimum(np.quantile(draws, 0.025, axis=0), found),
        np.maximum(np.quantile(draws, 0.975, axis=0), found),
    )
    return Dissection(len(labels), tuple(names), found, low, high, tau, (features != 0).mean(axis=0))


def _bootstrap(
    features: np.ndarray, labels: np.ndarray, groups: Sequence[str], scale: float, seed: int, rounds: int
) -> np.ndarray:
    """[rounds, J] coefficients of resampled prompts."""
    rng = np.random.default_rng(seed)
    places: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    members = [np.array(each) for each in places.values()]
    draws = []
    for _ in range(rounds):
        rows = np.concatenate([members[each] for each in rng.integers(len(members), size=len(members))])
        draws.append(laplace_logistic(features[rows], labels[rows], scale))
    return np.array(draws)


def similarities(judges: Mapping[str, Dissection]) -> list[dict[str, float | str]]:
    """How alike every two judges are: by their coefficients, and by their factor scores (PROFILE).

    Args:
        judges: two or more by name, dissected by the same properties.

    Returns:
        A row per pair of judges, as JSON values.
    """
    names = list(judges)
    rows: list[dict[str, float | str]] = []
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            one, other = judges[first], judges[second]
            alike = {kind: similarity(one.coefficients.tolist(), other.coefficients.tolist(), kind) for kind in _KINDS}
            aligned = alignment(one.factors.tolist(), other.factors.tolist())
            rows.append({"first": first, "second": second, **alike, "tau_spearman": aligned["spearman"]})
    return rows


_KINDS = ("pearson", "spearman", "normed_l1")
