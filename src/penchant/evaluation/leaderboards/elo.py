"""Elo ratings, game after game, in one or several orders at once."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit

from penchant.evaluation.leaderboards.bradley_terry import Games

__all__ = ["elo_ratings"]


def elo_ratings(
    games: Games,
    *,
    k: float = 4.0,
    base: float = 10.0,
    scale: float = 400.0,
    initial: float = 1000.0,
    orders: np.ndarray | None = None,
) -> np.ndarray:
    """Elo ratings after all games; they depend on the order, so several orders show how much.

    R_a += k (S − E),   R_b −= k (S − E),   E = 1 / (1 + base^((R_b − R_a) / scale))

    Args:
        games: one row a game; weights are ignored.
        k: step of one game, points.
        base: odds of a difference of ``scale`` points.
        scale: points.
        initial: rating before the first game, points.
        orders: [N, O] indices of games, one column an order; default: the order of the games.

    Returns:
        [O, models] ratings, points.

    Reference:
        Elo (1978), The Rating of Chessplayers.
    """
    orders = np.arange(len(games.first))[:, None] if orders is None else orders
    alpha = math.log(base) / scale
    ratings = np.zeros((orders.shape[1], games.models))
    flat, row = ratings.reshape(-1), np.arange(orders.shape[1]) * games.models
    firsts, seconds, outcomes = games.first[orders] + row, games.second[orders] + row, games.outcome[orders]
    for first, second, outcome in zip(firsts, seconds, outcomes, strict=True):
        change = k * (outcome - expit(alpha * (flat[first] - flat[second])))
        flat[first] += change
        flat[second] -= change
    return ratings + initial
