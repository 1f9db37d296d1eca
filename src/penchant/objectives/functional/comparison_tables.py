"""Scores of candidates from a table of comparisons of all of them with one another."""

from __future__ import annotations

from torch import Tensor

__all__ = ["max_logits", "max_wins"]


def max_logits(table: Tensor) -> Tensor:
    """The mean advantage of each candidate over all, itself included.

    s_i = (1 / K) Σ_j (C_ij − C_ji)

    Args:
        table: [..., K, K] the logit that i beats j where i stood first; the diagonal is 0.

    Returns:
        [..., K]; they sum to 0.

    Example:
        >>> import torch
        >>> max_logits(torch.tensor([[0.0, 2.0], [-1.0, 0.0]]))
        tensor([ 1.5000, -1.5000])

    Reference:
        Jiang, Ren, Lin (2023), LLM-Blender, section 3.3.
    """
    return (table - table.transpose(-1, -2)).mean(dim=-1)


def max_wins(table: Tensor, symmetric: bool = True) -> Tensor:
    """How often each candidate wins, in both orders.

    s_i = Σ_j [C_ij > 0] + Σ_j [C_ji < 0]

    The published code adds the number of wins as the first to the share of wins as the second,
    s_i = Σ_j [C_ij > 0] + (1 / K) Σ_j [C_ji < 0], which counts one order K times as much.

    Args:
        table: [..., K, K] the logit that i beats j where i stood first; the diagonal is 0.
        symmetric: whether both orders count alike; False reproduces the published code.

    Returns:
        [..., K], at least 0.

    Example:
        >>> import torch
        >>> table = torch.tensor([[0.0, 2.0], [-1.0, 0.0]])
        >>> max_wins(table), max_wins(table, symmetric=False)
        (tensor([2., 0.]), tensor([1.5000, 0.0000]))

    Reference:
        Jiang, Ren, Lin (2023), LLM-Blender, section 3.3.
    """
    first, second = (table > 0).sum(dim=-1), (table < 0).to(table.dtype)
    return first + (second.sum(dim=-2) if symmetric else second.mean(dim=-2))
