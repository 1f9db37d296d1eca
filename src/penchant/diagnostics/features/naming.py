"""Names of features by words: what the responses of one sign say and the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.checks.words import words_of
from penchant.diagnostics.pairs import Pair

__all__ = ["FeatureName", "name_features"]


@dataclass(frozen=True)
class FeatureName:
    """The words of a feature.

    Args:
        more: words that response A has and B lacks where the feature is high, the strongest first.
        fewer: words that B has and A lacks.
        fidelity: Pearson correlation, on held-out pairs, of the activation with the difference in these words; in
            [−1, 1], NaN without held-out pairs that differ.
    """

    more: tuple[str, ...]
    fewer: tuple[str, ...]
    fidelity: float

    def __str__(self) -> str:
        parts = [", ".join(self.more)] + ([f"rather than {', '.join(self.fewer)}"] if self.fewer else [])
        return " ".join(filter(None, parts)) or "no words"


def name_features(
    pairs: Sequence[Pair], activations: np.ndarray, held_out: np.ndarray, *, words: int = 5, least: int = 5
) -> list[FeatureName]:
    """Name each feature by the words whose presence in A but not in B correlates with its activation.

    A word counts once a response. Words are picked on the pairs that are not held out, and their fidelity is measured
    on those that are.

    Args:
        pairs: N of them.
        activations: [N, M].
        held_out: [N] bool.
        words: most words for each sign.
        least: pairs in which a word must differ.

    Example:
        >>> from penchant.feedback.records import Comparison
        >>> record = Comparison(prompt="", chosen="a", rejected="b")
        >>> pairs = [Pair("", f"{word} it", "so it", 1, record, "") for word in ("yes", "no", "yes", "no") * 3]
        >>> z = np.array([[1.0], [-1.0]] * 6)
        >>> str(name_features(pairs, z, np.zeros(12, dtype=bool))[0])
        'yes rather than no'
    """
    from scipy import sparse

    index: dict[str, int] = {}
    entries: list[tuple[int, int, float]] = []
    for row, pair in enumerate(pairs):
        first, second = set(words_of(pair.first)), set(words_of(pair.second))
        for word in sorted(first ^ second):
            entries.append((row, index.setdefault(word, len(index)), 1.0 if word in first else -1.0))
    if not entries:
        return [FeatureName((), (), float("nan")) for _ in range(activations.shape[1])]
    rows, columns, values = zip(*entries, strict=True)
    differ = sparse.csr_matrix((values, (rows, columns)), shape=(len(pairs), len(index)))
    vocabulary = np.array(list(index))
    correlations = _correlations(differ[~held_out], activations[~held_out], least)
    return [
        _name(correlations[:, place], vocabulary, differ[held_out], activations[held_out, place], words)
        for place in range(activations.shape[1])
    ]


def _correlations(differ: object, activations: np.ndarray, least: int) -> np.ndarray:
    """[V, M] correlation of each word's difference with each activation; 0 for rare words. Both have mean 0 over the
    two orders of a pair, so the cosine is the correlation."""
    norms = np.sqrt(np.asarray(differ.power(2).sum(axis=0)).ravel())  # type: ignore[attr-defined]
    sizes = np.linalg.norm(activations, axis=0)
    together = np.asarray(differ.T @ activations)  # type: ignore[attr-defined]
    found = together / np.where(norms > 0, norms, 1)[:, None] / np.where(sizes > 0, sizes, 1)[None]
    return np.where((norms**2 >= least)[:, None], found, 0.0)


def _name(
    correlations: np.ndarray, vocabulary: np.ndarray, differ: object, activation: np.ndarray, words: int
) -> FeatureName:
    """The strongest words of both signs, and how well they stand for the feature on held-out pairs."""
    order = np.argsort(correlations, kind="stable")
    largest = float(np.abs(correlations).max(initial=0.0))
    high = [place for place in order[::-1][:words] if correlations[place] > 0.3 * largest > 0]
    low = [place for place in order[:words] if correlations[place] < -0.3 * largest < 0]
    count = np.zeros(len(activation))
    for places, sign in ((high, 1.0), (low, -1.0)):
        if places:
            count = count + sign * np.asarray(differ[:, places].sum(axis=1)).ravel()  # type: ignore[index]
    size = float(np.linalg.norm(count) * np.linalg.norm(activation))
    fidelity = float(count @ activation) / size if size > 0 else float("nan")
    return FeatureName(tuple(map(str, vocabulary[high])), tuple(map(str, vocabulary[low])), fidelity)
