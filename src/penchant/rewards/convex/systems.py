"""The linear system of an ADMM step, (I + FᵀF/ρ + GᵀG) u = b: by conjugate gradients, or factored once if small."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.rewards.convex.operators import Gated

__all__ = ["FACTORED", "Conjugate", "Factored"]

#: Unknowns up to which the system is factored.
FACTORED = 1500


class Factored:
    """The system's Cholesky factor.

    Args:
        gated: features and gates.
        rho: penalty of ADMM.
    """

    def __init__(self, gated: Gated, rho: float) -> None:
        self._shape = gated.shape
        size = gated.shape[0] * gated.shape[1] * gated.shape[2]
        unit = torch.eye(size, dtype=gated.features.dtype).reshape(size, *gated.shape)
        rows = [_apply(gated, each, rho).reshape(-1) for each in unit]
        self._factor = torch.linalg.cholesky(torch.stack(rows))

    def __call__(self, right: Tensor, start: Tensor, tolerance: float) -> Tensor:
        """The solution for a right-hand side; ``start`` and ``tolerance`` are not needed."""
        return torch.cholesky_solve(right.reshape(-1, 1), self._factor).reshape(self._shape)


class Conjugate:
    """Conjugate gradients with a Nyström preconditioner (arXiv 2110.02820, algorithm 2.1).

    Args:
        gated: features and gates.
        rho: penalty of ADMM.
        rank: of the preconditioner.
        seed: of its sketch.
        most: iterations at most.
    """

    def __init__(self, gated: Gated, rho: float, rank: int = 20, seed: int = 0, most: int = 500) -> None:
        self._gated, self._rho, self._most = gated, rho, most
        shape = gated.shape
        size = shape[0] * shape[1] * shape[2]
        draws = torch.Generator().manual_seed(seed)
        sketch = torch.randn(size, min(rank, size), generator=draws, dtype=torch.float64).to(gated.features)
        sketch = torch.linalg.qr(sketch).Q
        # The part of the system without the identity, which the preconditioner adds again.
        seen = torch.stack([_apply(gated, each.reshape(shape), rho).reshape(-1) - each for each in sketch.T], dim=1)
        shift = torch.finfo(seen.dtype).eps * seen.norm() + torch.finfo(seen.dtype).tiny
        seen = seen + shift * sketch
        inner = sketch.T @ seen
        factor = torch.linalg.cholesky((inner + inner.T) / 2)
        table = torch.linalg.solve_triangular(factor, seen.T, upper=False).T
        self._basis, values, _ = torch.linalg.svd(table, full_matrices=False)
        self._values = (values**2 - shift).clamp(min=0.0)

    def __call__(self, right: Tensor, start: Tensor, tolerance: float) -> Tensor:
        """The solution for a right-hand side.

        Args:
            right: b.
            start: a first guess.
            tolerance: norm of the residual, relative to that of b, at which it ends.
        """
        solution = start.clone()
        residual = right - _apply(self._gated, solution, self._rho)
        end = tolerance * right.norm()
        direction = scaled = self._precondition(residual)
        product = (residual * scaled).sum()
        for _ in range(self._most):
            if residual.norm() <= end:
                break
            moved = _apply(self._gated, direction, self._rho)
            step = product / (direction * moved).sum()
            solution = solution + step * direction
            residual = residual - step * moved
            scaled = self._precondition(residual)
            former, product = product, (residual * scaled).sum()
            direction = scaled + product / former * direction
        return solution

    def _precondition(self, residual: Tensor) -> Tensor:
        flat = residual.reshape(-1)
        seen = self._basis.T @ flat
        factors = (self._values[-1] + 1.0) / (self._values + 1.0)
        return (flat + self._basis @ ((factors - 1.0) * seen)).reshape(residual.shape)


def _apply(gated: Gated, weights: Tensor, rho: float) -> Tensor:
    """(I + FᵀF/ρ + GᵀG) u."""
    fitted = gated.fitted_back(gated.fitted(weights)) / rho
    return weights + fitted + gated.kept_back(gated.kept(weights))
