"""Phase II of COALA: logistic regression of the preference on the hidden units, with the first layer fixed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from penchant.errors import TrainingError

__all__ = ["fit_output", "preference_loss"]

# Newton's steps that a convex problem of this kind ever needs.
_STEPS = 100


def preference_loss(out: Tensor, hidden: Tensor, labels: Tensor, beta: float = 1.0, gamma: float = 0.0) -> Tensor:
    """Mean of log(1 + exp(−β y θ₂ᵀ z + γ)).

    Args:
        out: θ₂, [m].
        hidden: z, [n, m].
        labels: y, [n]: +1 for chosen, −1 for rejected responses.
        beta: scale of the score.
        gamma: margin that a score must exceed.

    Example:
        >>> hidden, labels = torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, -1.0])
        >>> round(preference_loss(torch.zeros(1), hidden, labels, gamma=1.0).item(), 4)  # log(1 + e)
        1.3133
    """
    return softplus(-beta * labels * (hidden @ out) + gamma).mean()


def fit_output(
    hidden: Tensor,
    labels: Tensor,
    *,
    beta: float = 1.0,
    gamma: float = 0.0,
    ridge: float = 1e-3,
    tolerance: float = 1e-8,
    start: Tensor | None = None,
) -> Tensor:
    """[m] the θ₂ that minimises `preference_loss` plus ridge/2 · ‖β θ₂‖², by Newton's method with halved steps.

    The ridge is on β θ₂, so that doubling β halves θ₂ where γ is 0.

    Args:
        hidden: z, [n, m].
        labels: y, [n].
        beta: see `preference_loss`.
        gamma: see `preference_loss`.
        ridge: above 0; without it separable data have no minimum.
        tolerance: norm of the gradient at which it ends.
        start: a first guess; zero if absent. The minimum does not depend on it.

    Raises:
        TrainingError: it did not converge.
    """
    count = len(labels)
    scaled = (torch.zeros(hidden.shape[1], dtype=hidden.dtype) if start is None else start.to(hidden)) * beta
    unit = torch.eye(hidden.shape[1], dtype=hidden.dtype)

    def value(point: Tensor) -> Tensor:
        return preference_loss(point, hidden, labels, 1.0, gamma) + ridge / 2 * point.square().sum()

    now = value(scaled)
    for _ in range(_STEPS):
        chance = torch.sigmoid(-labels * (hidden @ scaled) + gamma)
        gradient = -hidden.T @ (labels * chance) / count + ridge * scaled
        if gradient.norm() <= tolerance:
            return scaled / beta
        curvature = (hidden * (chance * (1 - chance))[:, None]).T @ hidden / count + ridge * unit
        move = torch.linalg.solve(curvature, gradient)
        step = 1.0
        while step > 1e-10 and value(scaled - step * move) > now - 1e-4 * step * float(gradient @ move):
            step /= 2
        if step <= 1e-10:  # at the accuracy of the numbers
            return scaled / beta
        scaled = scaled - step * move
        now = value(scaled)
    raise TrainingError(
        "The second phase did not converge.", why=f"{_STEPS} steps of Newton's method.", fix="Give a larger ridge."
    )
