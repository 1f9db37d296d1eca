"""Lists of one list per response as padded tables, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from penchant.objectives.core.scored import Scored

__all__ = ["gradients_of", "listed", "padded", "view_of"]


def padded(rows: Sequence[Sequence[float]], width: int = 0) -> tuple[Tensor, Tensor]:
    """The numbers, [R, T] in double precision with zeros beyond each row's end, and the mask [R, T].

    Args:
        rows: one list per response.
        width: the least T.

    Example:
        >>> padded([[1.0], [2.0, 3.0]])[0]
        tensor([[1., 0.],
                [2., 3.]], dtype=torch.float64)
    """
    longest = max([width, *map(len, rows)])
    table = torch.tensor([[*row, *[0.0] * (longest - len(row))] for row in rows], dtype=torch.float64)
    return table, torch.arange(longest) < torch.tensor([len(row) for row in rows]).unsqueeze(1)


def listed(table: Tensor, mask: Tensor) -> list[list[float]]:
    """The unmasked numbers of each row.

    Example:
        >>> listed(*padded([[1.0], [2.0, 3.0]]))
        [[1.0], [2.0, 3.0]]
    """
    return [row[inside].tolist() for row, inside in zip(table.detach(), mask, strict=True)]


def view_of(rows: Sequence[Sequence[float]], **more: Any) -> Scored:
    """A view of responses with these log-probabilities under the policy, which may be differentiated.

    Args:
        rows: one list per response.
        more: further arguments of `Scored`.
    """
    table, mask = padded(rows)
    return Scored(table.requires_grad_(), more.pop("reference", None), more.pop("mask", mask), **more)


def gradients_of(loss: Tensor, leaves: dict[str, tuple[Tensor, Tensor]]) -> dict[str, list[list[float]]]:
    """The gradient of a loss by the name of each table, without its padding.

    Args:
        loss: a number.
        leaves: table and mask by name.
    """
    found = torch.autograd.grad(loss, [table for table, _ in leaves.values()])
    return {name: listed(slope, leaves[name][1]) for name, slope in zip(leaves, found, strict=True)}
