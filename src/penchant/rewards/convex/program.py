"""Phase I of COALA: the convex program of a two-layer ReLU network, solved by ADMM (CRONOS, arXiv 2411.01088)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.rewards.convex.operators import Gated
from penchant.rewards.convex.systems import FACTORED, Conjugate, Factored

__all__ = ["Network", "Solution", "largest_useful_penalty", "network_of", "objective_of", "solve_program"]


@dataclass(frozen=True)
class Network:
    """Two layers: score(x) = Σⱼ outⱼ · max(0, x · firstⱼ).

    Args:
        first: Θ₁, [d, m].
        out: θ₂, [m].
    """

    first: Tensor
    out: Tensor

    def hidden(self, features: Tensor) -> Tensor:
        """[n, m] max(0, X Θ₁)."""
        return (features @ self.first).relu()

    def scores(self, features: Tensor) -> Tensor:
        """[n] the output for each row of features."""
        return self.hidden(features) @ self.out


@dataclass(frozen=True)
class Solution:
    """What ADMM found.

    Args:
        weights: [2, P, d] v and w.
        objective: of the program at these weights.
        iterations: that were done.
        residual: norm of u − v and of what violates the constraints, relative to the weights.
    """

    weights: Tensor
    objective: float
    iterations: int
    residual: float


def objective_of(gated: Gated, labels: Tensor, weights: Tensor, penalty: float) -> float:
    """½ ‖Σᵢ Dᵢ X (vᵢ − wᵢ) − y‖² + b Σᵢ (‖vᵢ‖ + ‖wᵢ‖).

    Args:
        gated: features and gates.
        labels: y, [n].
        weights: [2, P, d] v and w.
        penalty: b.
    """
    misfit = gated.fitted(weights) - labels
    return float(0.5 * misfit.square().sum() + penalty * weights.norm(dim=-1).sum())


def largest_useful_penalty(gated: Gated, labels: Tensor) -> float:
    """max ‖X ᵀ Dᵢ y‖: with a penalty b of this size or more, zero is the solution (its constraints aside)."""
    return float(gated.fitted_back(labels)[0].norm(dim=-1).max())


def solve_program(
    gated: Gated,
    labels: Tensor,
    *,
    penalty: float = 1e-3,
    rho: float = 0.1,
    rate: float = 1.0,
    iterations: int = 50,
    tolerance: float = 1e-6,
    rank: int = 20,
    seed: int = 0,
    factored: bool | None = None,
) -> Solution:
    """Minimise ½ ‖F u − y‖² + b Σ ‖uᵢ‖ subject to (2 Dᵢ − I) X uᵢ ≥ 0, from zero.

    Args:
        gated: features and gates.
        labels: y, [n]: +1 or −1.
        penalty: b, the weight of the norms; larger makes fewer neurons.
        rho: penalty of ADMM; it changes the way, not the solution.
        rate: step of the dual variables.
        iterations: of ADMM, at most.
        tolerance: size of the residual, and of the last step relative to Fᵀ y / ρ, at which it ends earlier.
        rank: of the Nyström preconditioner.
        seed: of its sketch.
        factored: whether the linear system is factored once instead of solved by conjugate gradients; by default where
            it is small.

    Raises:
        ConfigurationError: shapes do not fit, or a value is not positive.
    """
    _check(gated, labels, {"penalty": penalty, "rho": rho, "rate": rate, "iterations": iterations})
    small = gated.shape[0] * gated.shape[1] * gated.shape[2] <= FACTORED if factored is None else factored
    system = Factored(gated, rho) if small else Conjugate(gated, rho, rank, seed)
    u, v, dual = (torch.zeros(gated.shape, dtype=gated.features.dtype) for _ in range(3))
    slack = torch.zeros_like(gated.kept(u))
    slack_dual = torch.zeros_like(slack)
    aim = gated.fitted_back(labels) / rho
    size = max(float(aim.norm()), 1e-300)
    residual, done = float("inf"), 0
    for done in range(1, iterations + 1):
        u = system(aim + v - dual + gated.kept_back(slack - slack_dual), u, done**-1.2 / (1 + done))
        before = v, slack
        v = _shrunk(u + dual, penalty / rho)
        kept = gated.kept(u)
        slack = (kept + slack_dual).relu()
        dual = dual + rate * (u - v)
        slack_dual = slack_dual + rate * (kept - slack)
        apart = torch.cat([(u - v).reshape(-1), (kept - slack).reshape(-1)]).norm()
        residual = float(apart / max(float(u.norm()), 1.0))
        if residual <= tolerance:
            # With a large rho the copies agree long before they stop moving; it ends when both are small.
            moved = v - before[0] + gated.kept_back(slack - before[1])
            if float(moved.norm()) <= tolerance * size:
                break
    return Solution(v, objective_of(gated, labels, v, penalty), done, residual)


def _shrunk(values: Tensor, threshold: float) -> Tensor:
    """Each neuron's weights, shorter by a threshold; zero where they are shorter than it."""
    norms = values.norm(dim=-1, keepdim=True)
    return values * (1.0 - threshold / norms.clamp(min=threshold))


def _check(gated: Gated, labels: Tensor, positive: dict[str, float]) -> None:
    if len(labels) != len(gated.features) or len(gated.gates) != len(labels):
        raise ConfigurationError(
            f"{len(gated.features)} rows of features, {len(gated.gates)} of gates and {len(labels)} labels.",
            fix="Give one label and one row of gates for each row of features.",
        )
    for name, value in positive.items():
        if value <= 0:
            raise ConfigurationError(f"{name} is {value}, expected more than 0.", where=name)


def network_of(weights: Tensor) -> Network:
    """The ReLU network of a solution: neuron i has v/√‖v‖ below and √‖v‖ above, negative for w.

    On the features of the program it gives F u, as far as the constraints hold.

    Args:
        weights: [2, P, d] v and w.
    """
    norms = weights.norm(dim=-1)
    signs = torch.tensor([1.0, -1.0], dtype=weights.dtype)[:, None].expand_as(norms)
    used = norms > 0
    roots = norms[used].sqrt()
    return Network((weights[used] / roots[:, None]).T.contiguous(), signs[used] * roots)
