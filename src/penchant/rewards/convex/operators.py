"""The linear maps of the convex program of a two-layer ReLU network with fixed gates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Gated", "draw_gates"]


def draw_gates(features: Tensor, count: int, seed: int = 0, also: Tensor | None = None) -> Tensor:
    """[n, P] distinct gate patterns 1[X g ≥ 0] of random directions g; P is at most ``count`` and those given.

    Args:
        features: [n, d].
        count: directions that are drawn.
        seed: of the draws.
        also: [d, k] further directions. Whatever is kept by the pattern of g lies near g where n is much larger than
            d, so a network can hardly be better than its directions; with those of a linear head, h and −h, it
            contains that head: X h = max(0, X h) − max(0, −X h).

    Example:
        >>> draw_gates(torch.tensor([[1.0], [-1.0]]), 8).T.tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    draws = torch.Generator().manual_seed(seed)
    directions = torch.randn(features.shape[1], count, generator=draws, dtype=torch.float64).to(features)
    if also is not None:
        directions = torch.cat([directions, also.to(directions)], dim=1)
    return torch.unique((features @ directions >= 0).to(features.dtype), dim=1)


@dataclass(frozen=True)
class Gated:
    """Features X with gates D: weights u are [2, P, d], v of the positive and w of the negative neurons.

    Args:
        features: X, [n, d].
        gates: D, [n, P] of 0 and 1, distinct columns.
    """

    features: Tensor
    gates: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """That of the weights."""
        return 2, self.gates.shape[1], self.features.shape[1]

    def fitted(self, weights: Tensor) -> Tensor:
        """[n] F u = Σᵢ Dᵢ X (vᵢ − wᵢ)."""
        return (self.gates * (self.features @ (weights[0] - weights[1]).T)).sum(1)

    def fitted_back(self, errors: Tensor) -> Tensor:
        """[2, P, d] Fᵀ r."""
        back = (self.gates * errors[:, None]).T @ self.features
        return torch.stack([back, -back])

    def kept(self, weights: Tensor) -> Tensor:
        """[2, P, n] G u = (2 Dᵢ − 1) X uᵢ, which the constraints keep from being negative."""
        return (2 * self.gates - 1).T * (weights @ self.features.T)

    def kept_back(self, slacks: Tensor) -> Tensor:
        """[2, P, d] Gᵀ s."""
        return ((2 * self.gates - 1).T * slacks) @ self.features
