"""Bradley–Terry ratings by maximum likelihood, with weights, covariates of style and a ridge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

__all__ = ["ALPHA", "Games", "estimable", "fit", "loss_and_gradient", "summed_loss"]

#: logit P(a beats b) = ALPHA · (θ_a − θ_b), so that 400 points of the Elo scale are odds of ten.
ALPHA = math.log(10.0)


@dataclass(frozen=True)
class Games:
    """Games between models, one row each, or one row for several equal ones.

    Args:
        first: [N] the index of model a.
        second: [N] the index of model b.
        outcome: [N] 1 where a wins, 0 where b wins, ½ for a tie.
        weight: [N] number of such games.
        models: number of models.
        style: [N, F] covariates, such as standardised differences of length; F may be 0.
    """

    first: np.ndarray
    second: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    models: int
    style: np.ndarray

    def logits(self, parameters: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
        """[N] the logit that a beats b."""
        ratings = parameters[: self.models]
        return alpha * (ratings[self.first] - ratings[self.second]) + self.style @ parameters[self.models :]


def summed_loss(logits: np.ndarray, outcomes: np.ndarray, weights: np.ndarray | float = 1.0) -> float:
    """−Σ w [S log σ(z) + (1 − S) log σ(−z)], nats."""
    return float((weights * (outcomes * np.logaddexp(0, -logits) + (1 - outcomes) * np.logaddexp(0, logits))).sum())


def loss_and_gradient(
    parameters: np.ndarray, games: Games, *, alpha: float = ALPHA, ridge: float = 0.0
) -> tuple[float, np.ndarray]:
    """The loss of ratings and style coefficients, and its gradient.

    L = −Σ w [S log σ(z) + (1 − S) log σ(−z)] + ½ ridge · ‖(θ, γ)‖²,   z = α (θ_a − θ_b) + γᵀ style

    Args:
        parameters: [models + F] ratings θ, then coefficients γ.
        games: the games.
        alpha: scale of the ratings; the style is not multiplied by it.
        ridge: strength of the penalty.

    Returns:
        L in nats, and its gradient.
    """
    logits = games.logits(parameters, alpha)
    error = games.weight * (expit(logits) - games.outcome)
    loss = summed_loss(logits, games.outcome, games.weight) + ridge / 2 * float(parameters @ parameters)
    return loss, ridge * parameters + _upwards(games, error, alpha)


def _upwards(games: Games, error: np.ndarray, alpha: float) -> np.ndarray:
    won = np.bincount(games.first, error, games.models) - np.bincount(games.second, error, games.models)
    return np.concatenate([alpha * won, games.style.T @ error])


def fit(
    games: Games,
    *,
    alpha: float = ALPHA,
    ridge: float = 0.0,
    start: np.ndarray | None = None,
    steps: int = 100,
    tolerance: float = 1e-10,
) -> np.ndarray:
    """Ratings and style coefficients of least loss, by Newton's method; the ratings have mean 0.

    Args:
        games: the games.
        alpha: scale of the ratings.
        ridge: strength of the penalty; 0 needs games for which `estimable` holds.
        start: where to begin; default: zeros.
        steps: maximum number of Newton steps.
        tolerance: of the gradient, per game.

    Returns:
        [models + F] ratings, then coefficients.

    Reference:
        Bradley and Terry (1952), Rank Analysis of Incomplete Block Designs.
    """
    found = np.zeros(games.models + games.style.shape[1]) if start is None else start.copy()
    loss, gradient = loss_and_gradient(found, games, alpha=alpha, ridge=ridge)
    scale = max(1.0, float(games.weight.sum()))
    for _ in range(steps):
        if np.abs(gradient).max() <= tolerance * scale:
            break
        step = np.linalg.solve(_curvature(found, games, alpha, ridge), gradient)
        size = 1.0
        while size > 1e-8:
            after, slope = loss_and_gradient(found - size * step, games, alpha=alpha, ridge=ridge)
            if after <= loss + 1e-12 * abs(loss):
                break
            size /= 2
        found, loss, gradient = found - size * step, after, slope
    return found


def _curvature(parameters: np.ndarray, games: Games, alpha: float, ridge: float) -> np.ndarray:
    """The Hessian, with the mean of the ratings held where nothing else decides it."""
    count, style = games.models, games.style
    share = expit(games.logits(parameters, alpha))
    own = games.weight * share * (1 - share)
    pairs = np.bincount(games.first * count + games.second, own, count * count).reshape(count, count)
    pairs = pairs + pairs.T
    hessian = np.zeros((len(parameters), len(parameters)))
    hessian[:count, :count] = alpha**2 * (np.diag(pairs.sum(1)) - pairs)
    for number in range(style.shape[1]):
        mixed = own * style[:, number]
        each = np.bincount(games.first, mixed, count) - np.bincount(games.second, mixed, count)
        hessian[:count, count + number] = hessian[count + number, :count] = alpha * each
    hessian[count:, count:] = style.T @ (own[:, None] * style)
    hessian[np.diag_indices(len(hessian))] += ridge + 1e-12 * max(1.0, float(own.sum()))
    hessian[:count, :count] += max(1.0, float(own.sum())) / count
    return hessian


def estimable(games: Games) -> list[list[int]]:
    """Groups of models that beat each other, directly or through others; ratings are finite if there is one group.

    A model that wins everything is a group of its own, and its rating without ridge grows without limit.

    Returns:
        The indices of the models of each group, the largest group first.

    Reference:
        Ford (1957), Solution of a Ranking Problem from Binary Comparisons.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    played = games.weight > 0
    wins, losses = played & (games.outcome > 0), played & (games.outcome < 1)
    rows = np.concatenate([games.first[wins], games.second[losses]])
    columns = np.concatenate([games.second[wins], games.first[losses]])
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(games.models, games.models))
    _, labels = connected_components(graph, directed=True, connection="strong")
    groups = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]
    return sorted(groups, key=lambda group: (-len(group), group))
