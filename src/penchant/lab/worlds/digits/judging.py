"""Rewards of digits, and the Fréchet distance between sets of digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from penchant.errors import ConfigurationError

__all__ = ["REWARDS", "DigitJudge", "frechet_distance", "load_digits"]

REWARDS = ("ink", "classifier")


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1797 digits of scikit-learn: [N, 8, 8] integers from 0 to 255, and their classes [N].

    Raises:
        ConfigurationError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError as error:
        raise ConfigurationError("The digits need scikit-learn.", fix="pip install 'penchant[diffusion]'") from error
    found = load()
    return (found.images * (255 / 16)).round().astype(np.uint8), found.target


class DigitJudge:
    """A classifier trained on real digits, and rewards of generated digits.

    Args:
        images: [N, 8, 8] from 0 to 255, the real digits to train on.
        classes: [N].
        seed: seed of the classifier.
    """

    def __init__(self, images: np.ndarray, classes: np.ndarray, seed: int = 0) -> None:
        from sklearn.neural_network import MLPClassifier

        self.network = MLPClassifier((48,), max_iter=1500, random_state=seed, alpha=1e-2)
        self.network.fit(images.reshape(len(images), -1) / 255, classes)

    def probabilities(self, given: np.ndarray) -> np.ndarray:
        """Class probabilities [N, 10] of pixels [N, 64]."""
        return self.network.predict_proba(given)

    def features(self, given: np.ndarray) -> np.ndarray:
        """Hidden-layer features [N, 48] of pixels [N, 64]."""
        return np.maximum(given @ self.network.coefs_[0] + self.network.intercepts_[0], 0.0)

    def reward(self, name: str, given: np.ndarray, classes: Sequence[int]) -> np.ndarray:
        """The reward of each generated digit, [N].

        ``ink``: mean brightness of the pixels, 0 to 1. ``classifier``: the probability of the requested class.
        """
        rewards: dict[str, Callable[[], np.ndarray]] = {
            "ink": lambda: given.mean(1),
            "classifier": lambda: self.probabilities(given)[np.arange(len(given)), np.asarray(classes)],
        }
        return rewards[name]()

    def accuracy(self, given: np.ndarray, classes: Sequence[int]) -> float:
        """Share of generated digits that are classified as the requested class."""
        return float((self.probabilities(given).argmax(1) == np.asarray(classes)).mean())


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance between two sets of features, assumed normal (FID with the judge's features).

    d² = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁^½ Σ₂ Σ₁^½)^½)

    Args:
        first: [N, D].
        second: [M, D].

    Returns:
        d², at least 0.

    Example:
        >>> points = np.random.default_rng(0).normal(size=(100, 3))
        >>> round(frechet_distance(points, points), 6), round(frechet_distance(points, points + 2.0), 6)
        (0.0, 12.0)

    Reference:
        Heusel et al. (2017), GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium.
    """
    gap = first.mean(0) - second.mean(0)
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ two @ root).clip(min=0)).sum()
    return max(0.0, float(gap @ gap + np.trace(one) + np.trace(two) - 2 * cross))
