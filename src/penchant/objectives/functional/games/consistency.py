"""How far two rankings of the same responses agree, from 0 (reversed) to 1 (identical)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

__all__ = ["CONSISTENCIES", "extremes", "first_and_last", "kendall", "ordinal_ranks", "spearman"]


def ordinal_ranks(scores: Tensor) -> Tensor:
    """The place of each response in the order of the scores, from 0 for the lowest; of ties the first is lower.

    Args:
        scores: [..., K].

    Returns:
        [..., K] integer, each of 0 to K − 1 once.

    Example:
        >>> ordinal_ranks(torch.tensor([0.3, -1.0, 0.3]))
        tensor([1, 0, 2])

    Reference:
        Wang et al. (2024), CREAM, section 4.
    """
    return scores.argsort(dim=-1, stable=True).argsort(dim=-1)


def kendall(first: Tensor, second: Tensor) -> Tensor:
    """The share of pairs of responses that both scorers order alike: (τ + 1) / 2 of Kendall's τ.

    C = (1 / (K (K − 1) / 2)) Σ_{i<j} [rank_i < rank_j in both, or in neither]

    Args:
        first, second: [..., K] scores, K of at least 2.

    Returns:
        [...] in [0, 1].

    Example:
        >>> kendall(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 3.0, 2.0]))
        tensor(0.6667)

    Reference:
        Wang et al. (2024), CREAM: Consistency Regularized Self-Rewarding Language Models, eq. 9.
    """
    ranks = [ordinal_ranks(each) for each in (first, second)]
    lead = [each.unsqueeze(-1) > each.unsqueeze(-2) for each in ranks]
    count = first.shape[-1]
    same = torch.eq(*lead).sum((-2, -1)) - count  # the diagonal always agrees
    return same / (count * (count - 1))


def spearman(first: Tensor, second: Tensor) -> Tensor:
    """(ρ + 1) / 2 of Spearman's correlation of the ranks.

    C = 1 − 3 Σ_i (rank_i − rank'_i)² / (K (K² − 1))

    Args:
        first, second: [..., K] scores, K of at least 2.

    Returns:
        [...] in [0, 1].

    Example:
        >>> spearman(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 3.0, 2.0]))
        tensor(0.7500)

    Reference:
        Wang et al. (2024), CREAM: Consistency Regularized Self-Rewarding Language Models, appendix.
    """
    apart = (ordinal_ranks(first) - ordinal_ranks(second)).square().sum(-1)
    count = first.shape[-1]
    return 1 - 3 * apart / (count * (count**2 - 1))


def extremes(first: Tensor, second: Tensor) -> Tensor:
    """1 where both scorers agree on the best and on the worst response, otherwise 0.

    Args:
        first, second: [..., K] scores.

    Returns:
        [...] 0 or 1.

    Example:
        >>> extremes(torch.tensor([1.0, 2.0, 2.5, 3.0]), torch.tensor([1.0, 2.2, 2.0, 3.0]))
        tensor(1.)

    Reference:
        Wang et al. (2024), CREAM: Consistency Regularized Self-Rewarding Language Models, appendix (TopOrder).
    """
    best, worst = (
        (ordinal_ranks(first) == place) & (ordinal_ranks(second) == place) for place in (first.shape[-1] - 1, 0)
    )
    return (best.any(-1) & worst.any(-1)).to(first.dtype)


def first_and_last(first: Tensor, second: Tensor) -> Tensor:
    """`extremes` as CREAM's published code computes it: it compares the ranks of the first and the last response given.

    Args:
        first, second: [..., K] scores.

    Returns:
        [...] 0 or 1.

    Example:
        >>> first_and_last(torch.tensor([1.0, 2.0, 2.5, 3.0]), torch.tensor([1.0, 2.2, 2.0, 3.0]))
        tensor(1.)

    Reference:
        Raibows/CREAM, cal_consistency.py.
    """
    same = ordinal_ranks(first) == ordinal_ranks(second)
    return (same[..., 0] & same[..., -1]).to(first.dtype)


#: The measures by name; ``toporder-published`` is the published code's, ``toporder`` what the paper describes.
CONSISTENCIES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "kendall": kendall,
    "spearman": spearman,
    "toporder": extremes,
    "toporder-published": first_and_last,
}
