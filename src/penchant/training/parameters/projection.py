"""MRP: hidden states projected onto the complement of directions that carry what is to be forgotten."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.likelihood.projected.layer_parts import project

__all__ = ["INITIALISATIONS", "initial_directions", "projected", "row_basis"]

Initialisation = Literal["forget-residual", "official", "random"]
INITIALISATIONS: tuple[str, ...] = ("forget-residual", "official", "random")


def row_basis(directions: Tensor) -> Tensor:
    """An orthonormal basis of the space of the rows, with gradient.

    Args:
        directions: [K, D] linearly independent rows, K at most D.

    Returns:
        [K, D].

    Raises:
        ConfigurationError: there are more directions than dimensions.

    Example:
        >>> row_basis(torch.tensor([[2.0, 0.0]])).abs()
        tensor([[1., 0.]])
    """
    _check_count(directions)
    return torch.linalg.qr(directions.T, mode="reduced")[0].T


def _check_count(directions: Tensor) -> None:
    if directions.shape[0] > directions.shape[1]:
        raise ConfigurationError(
            f"{directions.shape[0]} directions are projected out of hidden states of {directions.shape[1]} dimensions.",
            fix="Use fewer directions (rank), or fewer forget sets after one another.",
        )


def projected(hidden: Tensor, directions: Tensor) -> Tensor:
    """Hidden states without their part in the space of the directions.

    h' = h − h Qᵀ Q,   Q an orthonormal basis of the rows of the directions

    Args:
        hidden: [..., D].
        directions: [K, D]; K = 0 changes nothing.

    Example:
        >>> projected(torch.tensor([1.0, 2.0]), torch.tensor([[3.0, 0.0]]))
        tensor([0., 2.])

    Reference:
        Wu et al. (2025), Unlearning That Lasts, arXiv:2508.15449.
    """
    _check_count(directions)
    return project(hidden, directions)


def initial_directions(
    forget: Tensor, retain: Tensor, count: int, kind: Initialisation = "forget-residual", seed: int = 0
) -> Tensor:
    """The directions at the start of training.

    ``forget-residual``: the leading directions of the forget states outside of the leading directions of the retain
    states, so that the start removes what only the forget set uses. ``official``: as in published code, the leading
    directions of the retain states outside of the span of the forget states. ``random``.

    Args:
        forget: [M, D] hidden states of forget tokens.
        retain: [N, D] hidden states of retain tokens.
        count: number of directions k.
        kind: see above.
        seed: of the random directions.

    Returns:
        [k, D] orthonormal rows, float32.

    Raises:
        ConfigurationError: k is not between 1 and D.

    Example:
        >>> forget, retain = torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]])
        >>> initial_directions(forget, retain, 1).abs()
        tensor([[1., 0., 0.]])
    """
    size = forget.shape[-1]
    if not 1 <= count <= size:
        raise ConfigurationError(
            f"The number of directions is {count}, but hidden states have {size} dimensions.",
            where="rank",
            fix=f"Give a number from 1 to {size}.",
        )
    if kind == "random":
        drawn = torch.randn(count, size, generator=torch.Generator().manual_seed(seed))
        return row_basis(drawn)
    first, second = (retain, forget) if kind == "official" else (forget, retain)
    residual = first.float() - _onto(first.float(), second.float(), size if kind == "official" else size - count)
    return torch.linalg.svd(residual.T @ residual)[2][:count]


def _onto(states: Tensor, others: Tensor, most: int) -> Tensor:
    """The part of the states in the span of the others, or of their leading ``most`` directions."""
    if len(others) <= most:
        basis = torch.linalg.qr(others.T, mode="reduced")[0].T
    else:
        basis = torch.linalg.svd(others, full_matrices=False)[2][:most]
    return states @ basis.T @ basis
