"""Bradley–Terry likelihoods in which a tie is an outcome of its own: Rao and Kupper's, and Davidson's."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

__all__ = ["davidson", "rao_kupper"]

Terms = tuple[np.ndarray, np.ndarray, np.ndarray]


def rao_kupper(logits: np.ndarray, outcomes: np.ndarray, eta: float, epsilon: float = 0.0) -> Terms:
    """Rao and Kupper's model of ties: a tie where the difference of strengths stays below a threshold.

    P(a) = σ(s − η),   P(b) = σ(−s − η),   P(tie) = 1 − P(a) − P(b);   loss = −log(P(outcome) + ε)

    Args:
        logits: [N] s, the difference of strengths.
        outcomes: [N] 1, 0, or ½ for a tie.
        eta: η ≥ 0; at 0 no game is tied, and the model is Bradley and Terry's.
        epsilon: added inside the logarithm.

    Returns:
        [N] losses in nats, their derivatives by s, and by η.

    Reference:
        Rao and Kupper (1967), Ties in Paired-Comparison Experiments.
    """
    win, loss = expit(logits - eta), expit(-logits - eta)
    rise, fall = win * (1 - win), loss * (1 - loss)
    tied, won = outcomes == 0.5, outcomes == 1
    # 1 − σ(s − η) − σ(−s − η), without the cancellation of the three.
    tie = -np.expm1(-2 * eta) * win * loss * np.exp(2 * eta)
    chance = np.where(tied, tie, np.where(won, win, loss)) + epsilon
    by_logit = np.where(tied, fall - rise, np.where(won, rise, -fall))
    by_eta = np.where(tied, rise + fall, np.where(won, -rise, -fall))
    return -np.log(chance), -by_logit / chance, -by_eta / chance


def davidson(logits: np.ndarray, outcomes: np.ndarray, nu: float) -> Terms:
    """Davidson's model of ties: a tie is as likely as the geometric mean of both wins, times ν.

    P(a) ∝ e^{s/2},   P(b) ∝ e^{−s/2},   P(tie) ∝ ν

    Args:
        logits: [N] s, the difference of strengths.
        outcomes: [N] 1, 0, or ½ for a tie.
        nu: ν > 0.

    Returns:
        [N] losses in nats, their derivatives by s, and by ν.

    Reference:
        Davidson (1970), On Extending the Bradley-Terry Model to Accommodate Ties.
    """
    half, tied = logits / 2, outcomes == 0.5
    total = np.logaddexp(np.logaddexp(half, -half), np.log(nu))
    win, loss = np.exp(half - total), np.exp(-half - total)
    own = np.where(tied, np.log(nu), np.where(outcomes == 1, half, -half))
    by_logit = (win - loss) / 2 - np.where(tied, 0.0, np.where(outcomes == 1, 0.5, -0.5))
    return total - own, by_logit, np.exp(-total) - tied / nu
