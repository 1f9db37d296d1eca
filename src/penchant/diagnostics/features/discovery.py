"""Features of what data reward (WIMHF): embed, difference, autoencoder, names, effects, and what they predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from penchant.diagnostics.features.effects import Effects, controlled_effects, predicted_area
from penchant.diagnostics.features.naming import FeatureName, name_features
from penchant.diagnostics.features.training import FeatureSettings, fit_autoencoder
from penchant.diagnostics.pairs import DataPairs, Pair
from penchant.errors import DataError
from penchant.likelihood.inside.text_embeddings import Embedder, find_embedder

__all__ = ["Discovery", "discover", "embedding_differences"]


@dataclass(frozen=True)
class Discovery:
    """The features of a data set.

    Args:
        activations: [N, M] of the pairs, signed.
        names: M of them.
        effects: with length held fixed, over all pairs.
        p_values: [M] two-sided, from coefficient and standard error.
        areas: areas under the ROC curve on held-out prompts: ``length``, ``features``, ``top features``,
            ``embedding``; 0.5 is chance.
        settings: of the features.
    """

    activations: np.ndarray
    names: list[FeatureName]
    effects: Effects
    p_values: np.ndarray
    areas: dict[str, float] = field(default_factory=dict)
    settings: FeatureSettings = field(default_factory=FeatureSettings)

    def rows(self, most: int | None = None) -> list[dict[str, object]]:
        """A row per feature that fires, as JSON values; what is rewarded has a sign of +.

        The smallest p comes first: a feature that hardly fires can have a large effect by chance.
        """
        firing = [place for place in self.effects.order if np.abs(self.activations[:, place]).sum() > 0]
        firing.sort(key=lambda place: self.p_values[place])
        return [self._row(place) for place in firing[:most]]

    def _row(self, place: int) -> dict[str, object]:
        name, effect = self.names[place], float(self.effects.coefficients[place])
        # The sign of a feature is arbitrary: it is turned so that what is rewarded comes first.
        rewarded, punished = (name.more, name.fewer) if effect >= 0 else (name.fewer, name.more)
        return {
            "feature": place,
            "rewarded": list(rewarded),
            "punished": list(punished),
            "fidelity": name.fidelity,
            "coefficient": abs(effect),
            "error": float(self.effects.errors[place]),
            "win_rate_change": abs(float(self.effects.win_rate_changes[place])),
            "p": float(self.p_values[place]),
            "certain": bool(self.p_values[place] < 0.05 / len(self.names)),
            "fires": float((self.activations[:, place] != 0).mean()),
        }

    def strongest(self, pairs: Sequence[Pair], feature: int, count: int = 3) -> list[Pair]:
        """The pairs in which a feature is largest in size; to look at, relabel or drop.

        Args:
            pairs: those that were explained.
            feature: its number.
            count: of pairs.
        """
        sizes = np.abs(self.activations[:, feature])
        order = np.argsort(-sizes, kind="stable")[:count]
        return [pairs[int(place)] for place in order if sizes[place] > 0]


def embedding_differences(pairs: DataPairs, embedder: Embedder) -> np.ndarray:
    """[N, D] embeddings of response A less those of response B; every text is embedded once.

    Args:
        pairs: N of them.
        embedder: gives D-dimensional rows.

    Raises:
        DataError: an embedding is not finite, or none of them differ.
    """
    texts = list(dict.fromkeys(text for pair in pairs.pairs for text in (pair.first, pair.second)))
    rows = np.asarray(embedder.embed(texts), dtype=np.float32)
    if not np.isfinite(rows).all():
        bad = texts[int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])]
        raise DataError(f"The embedding of {bad[:60]!r} is not finite.", fix="Use another embedder.")
    place = {text: number for number, text in enumerate(texts)}
    found = rows[[place[pair.first] for pair in pairs.pairs]] - rows[[place[pair.second] for pair in pairs.pairs]]
    if not np.abs(found).sum() > 0:
        raise DataError(
            "The embeddings of both responses are equal in every pair.",
            where=pairs.name,
            fix="Use another embedder, or check that the responses hold words.",
        )
    return np.asarray(found)


def discover(pairs: DataPairs, settings: FeatureSettings | None = None, top: int = 5) -> Discovery:
    """Find what features of responses the labels reward, without being told what to look for (Movva et al., 2025).

    Args:
        pairs: hundreds or more.
        settings: of the features.
        top: number of features of ``top features``, by their effects on the pairs that are not held out.

    Raises:
        ConfigurationError: the embedder is not there, or scikit-learn is missing for the default one.
        DataError: the embeddings do not differ, or all pairs belong to one prompt.
    """
    settings = settings or FeatureSettings()
    texts = [text for pair in pairs.pairs for text in (pair.first, pair.second)]
    differences = embedding_differences(pairs, find_embedder(settings.embedder, texts))
    held_out = pairs.held_out()
    if held_out.all() or not held_out.any():
        held_out = np.arange(len(pairs)) % 5 == 0  # few prompts: whole groups would leave one side empty
    rows = torch.from_numpy(differences)
    model = fit_autoencoder(rows[~held_out], rows[held_out], settings)
    with torch.no_grad():
        activations = model(rows).activations.double().numpy()
    length, labels = pairs.length_difference, pairs.labels
    effects = controlled_effects(activations, length, labels)
    areas = _areas(pairs, activations, differences, held_out, top)
    names = name_features(pairs.pairs, activations, held_out)
    return Discovery(activations, names, effects, _p_values(effects), areas, settings)


def _p_values(effects: Effects) -> np.ndarray:
    from scipy.special import ndtr

    known = effects.errors > 0
    size = np.abs(effects.coefficients) / np.where(known, effects.errors, 1.0)
    return np.where(known, 2 * ndtr(-size), 1.0)


def _areas(
    pairs: DataPairs, activations: np.ndarray, differences: np.ndarray, held_out: np.ndarray, top: int
) -> dict[str, float]:
    """What length, features and the embedding itself predict of held-out labels."""
    labels, length = pairs.labels, pairs.length_difference[:, None]
    order: list[int] = []
    if 0 < labels[~held_out].mean() < 1:
        order = controlled_effects(activations[~held_out], length[~held_out, 0], labels[~held_out]).order[:top]
    sets = {
        "length": length,
        "top features": np.hstack([length, activations[:, order]]),
        "features": np.hstack([length, activations]),
        "embedding": np.hstack([length, differences]),
    }
    return {
        name: predicted_area(rows[~held_out], labels[~held_out], rows[held_out], labels[held_out])
        for name, rows in sets.items()
    }
