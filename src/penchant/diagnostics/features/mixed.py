"""A logistic regression in which every person has a weight of their own, by quadrature around each person's mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from penchant.errors import DataError

__all__ = ["MixedEffect", "mixed_effect", "posterior"]

#: Nodes of the quadrature; around the mode, fifteen are exact to more digits than are shown.
_NODES, _WEIGHTS = np.polynomial.hermite.hermgauss(15)
#: A spread above this many log-odds only says that people are separated.
_MOST = 10.0


@dataclass(frozen=True)
class MixedEffect:
    """How a feature is weighed by everybody and by each person.

    Args:
        coefficient: β, log-odds of a root mean square of the feature.
        length: γ, log-odds of a root mean square of the difference in length.
        spread: τ, the standard deviation of people's own weights.
        p: of a spread of 0 against a larger one, by the likelihood ratio (half a χ² of one degree).
        means: [U] the posterior means of people's own weights b.
        spreads: [U] their posterior standard deviations.
        scale: root mean square of the feature.
        length_scale: root mean square of the difference in length.
    """

    coefficient: float
    length: float
    spread: float
    p: float
    means: np.ndarray
    spreads: np.ndarray
    scale: float
    length_scale: float

    def logits(self, z: np.ndarray, length: np.ndarray) -> np.ndarray:
        """[N] log-odds for somebody who is not known: β z + γ ℓ_Δ."""
        return np.asarray(self.coefficient * z / self.scale + self.length * length / self.length_scale)


def mixed_effect(z: np.ndarray, length: np.ndarray, labels: np.ndarray, people: np.ndarray) -> MixedEffect:
    """Fit the mixed model of one feature by maximum likelihood.

    logit P(A ≻ B) = (β + b_u) z + γ ℓ_Δ,   b_u ~ N(0, τ²)

    There is no intercept, and z and ℓ_Δ are divided by their root mean squares, so that exchanging A and B changes
    nothing.

    Args:
        z: [N] a feature of pairs, A less B.
        length: [N] words of A less words of B.
        labels: [N] 1 where A is preferred, else 0.
        people: [N] who judged, whole numbers from 0.

    Raises:
        DataError: there are no pairs.

    Example:
        >>> z, people = np.array([1.0, -1.0] * 20), np.repeat([0, 1], 20)
        >>> labels = (z > 0) == (people == 0)
        >>> found = mixed_effect(z, np.zeros(40), labels.astype(float), people)
        >>> found.spread > 1, found.p < 1e-4, bool(found.means[0] > 1 > -1 > found.means[1])
        (True, True, True)

    Reference:
        Movva et al. (2025), arXiv:2510.26202.
    """
    from scipy.optimize import minimize
    from scipy.stats import chi2

    if len(z) == 0:
        raise DataError("There are no pairs to fit a mixed model to.")
    order = np.argsort(people, kind="stable")
    scale, length_scale = _size(z), _size(length)
    rows = _Rows(z[order] / scale, length[order] / length_scale, labels[order], people[order])
    alone = minimize(rows.cost_of_all, np.zeros(2), jac=True, method="BFGS")
    bounds = [(-_MOST, _MOST), (-_MOST, _MOST), (0.0, _MOST)]
    start = np.clip([*alone.x, 0.5], [low for low, _ in bounds], [high for _, high in bounds])
    found = minimize(rows.cost, start, jac=True, method="L-BFGS-B", bounds=bounds)
    gain = float(alone.fun - found.fun)
    # Whoever has no pair here has the prior.
    count = int(people.max()) + 1
    means, spreads = np.zeros(count), np.full(count, float(found.x[2]))
    means[rows.present], spreads[rows.present] = rows.posterior(found.x)
    p = float(0.5 * chi2.sf(2 * gain, 1)) if gain > 0 else 1.0
    beta, gamma, spread = (float(each) for each in found.x)
    return MixedEffect(beta, gamma, spread, p, means, spreads, scale, length_scale)


def posterior(effect: MixedEffect, z: np.ndarray, length: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """What some labels of one person say of their own weight: posterior mean and standard deviation of b_u.

    Args:
        effect: fitted to others.
        z: [n] the feature of the person's pairs, in its own unit.
        length: [n] words of A less words of B.
        labels: [n].

    Example:
        >>> effect = MixedEffect(0.0, 0.0, 1.0, 0.0, np.zeros(0), np.zeros(0), 1.0, 1.0)
        >>> mean, spread = posterior(effect, np.ones(16), np.zeros(16), np.ones(16))
        >>> mean > 1 > spread, posterior(effect, np.ones(0), np.zeros(0), np.ones(0))
        (True, (0.0, 1.0))
    """
    if len(z) == 0:
        return 0.0, effect.spread
    rows = _Rows(z / effect.scale, length / effect.length_scale, labels, np.zeros(len(z), dtype=int))
    mean, spread = rows.posterior(np.array([effect.coefficient, effect.length, effect.spread]))
    return float(mean[0]), float(spread[0])


def _size(values: np.ndarray) -> float:
    size = float(np.sqrt(np.mean(np.square(values, dtype=float))))
    return size if size > 1e-12 else 1.0


class _Rows:
    """Pairs sorted by person, and the likelihood of their labels.

    Args:
        z: [N] scaled.
        length: [N] scaled.
        labels: [N].
        people: [N], ascending.
    """

    def __init__(self, z: np.ndarray, length: np.ndarray, labels: np.ndarray, people: np.ndarray) -> None:
        self.z, self.length, self.labels = z, length, np.asarray(labels, dtype=float)
        self.present, self.starts, self.place = np.unique(people, return_index=True, return_inverse=True)

    def _each(self, values: np.ndarray) -> np.ndarray:
        """Sums by person."""
        return np.add.reduceat(values, self.starts, axis=0)

    def cost_of_all(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """−log-likelihood without people, with its gradient."""
        from scipy.special import expit

        logits = weights[0] * self.z + weights[1] * self.length
        left = expit(logits) - self.labels
        value = float((np.logaddexp(0.0, logits) - self.labels * logits).sum())
        return value, np.array([left @ self.z, left @ self.length])

    def cost(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """−log of the likelihood, integrated over people's own weights b = τ t, with its gradient."""
        logs, shares, t, left = self._integrate(weights)
        mean_left = (shares[self.place] * left).sum(axis=1)
        by_t = (shares[self.place] * left * t[self.place]).sum(axis=1)
        return -float(logs.sum()), np.array([mean_left @ self.z, mean_left @ self.length, by_t @ self.z])

    def posterior(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[P] mean and standard deviation of b for each person who is present."""
        _logs, shares, t, _left = self._integrate(weights)
        mean = (shares * t).sum(axis=1)
        variance = (shares * t**2).sum(axis=1) - mean**2
        spread = float(weights[2])
        return spread * mean, spread * np.sqrt(np.clip(variance, 0.0, None))

    def _integrate(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """[P] log-likelihoods, [P, Q] posterior shares of the nodes, [P, Q] the nodes t, and [N, Q] σ − label."""
        from scipy.special import expit, logsumexp

        base = weights[0] * self.z + weights[1] * self.length
        own = float(weights[2]) * self.z
        mode, width = self._mode(base, own)
        t = mode[:, None] + np.sqrt(2.0) * width[:, None] * _NODES
        logits = base[:, None] + own[:, None] * t[self.place]
        likelihood = self._each(self.labels[:, None] * logits - np.logaddexp(0.0, logits))
        logs = likelihood - 0.5 * t**2 + np.log(_WEIGHTS) + _NODES**2 + np.log(width)[:, None] - 0.5 * np.log(np.pi)
        total = logsumexp(logs, axis=1)
        return total, np.exp(logs - total[:, None]), t, expit(logits) - self.labels[:, None]

    def _mode(self, base: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[P] the most likely t of each person, and the width of the likelihood around it, by Newton's method."""
        from scipy.special import expit

        t = np.zeros(len(self.present))
        for _ in range(50):
            chance = expit(base + own * t[self.place])
            slope = self._each((chance - self.labels) * own) + t
            curvature = self._each(chance * (1 - chance) * own**2) + 1.0
            step = np.clip(slope / curvature, -1.0, 1.0)
            t = t - step
            if float(np.abs(step).max()) < 1e-10:
                break
        return t, 1.0 / np.sqrt(curvature)
