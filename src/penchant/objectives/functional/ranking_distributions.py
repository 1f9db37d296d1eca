"""Distributions over all rankings of a list by Plackett-Luce, and the divergence between two of them."""

from __future__ import annotations

import math
from itertools import permutations

import torch
from torch import Tensor

from penchant.objectives.functional.numerics import wide_dtype

__all__ = ["jensen_shannon", "ranking_logprobs"]


def ranking_logprobs(values: Tensor) -> Tensor:
    """The log-probability of every ranking of n items under Plackett-Luce.

    log P(τ) = Σ_k [v_τ(k) − log Σ_{j ≥ k} exp v_τ(j)]

    Args:
        values: [..., n] logits.

    Returns:
        [..., n!] in the lexicographic order of the permutations of 0 … n − 1, best first; they sum to 1.

    Example:
        >>> ranking_logprobs(torch.tensor([0.0, 0.0])).exp()
        tensor([0.5000, 0.5000])

    Reference:
        Plackett (1975), The Analysis of Permutations; Luce (1959), Individual Choice Behavior.
    """
    orders = torch.tensor(list(permutations(range(values.shape[-1]))), dtype=torch.long, device=values.device)
    sorted_values = values.to(wide_dtype(values.dtype))[..., orders]
    left = sorted_values.flip(-1).logcumsumexp(-1).flip(-1)
    return (sorted_values - left).sum(-1)


def jensen_shannon(first: Tensor, second: Tensor, *, swapped: bool = False) -> Tensor:
    """The Jensen-Shannon divergence of two distributions.

    ½ [KL(p ‖ m) + KL(q ‖ m)],   m = (p + q) / 2;   swapped: ½ [KL(m ‖ p) + KL(m ‖ q)]

    Args:
        first: [..., N] log-probabilities of p.
        second: [..., N] of q.
        swapped: the other order of the arguments of each divergence, as in some published code.

    Returns:
        [...], nats; at most log 2 unless swapped.

    Example:
        >>> half = torch.tensor([0.5, 0.5]).log()
        >>> jensen_shannon(half, half)
        tensor(0.)
    """
    mixture = torch.logaddexp(first, second) - math.log(2)

    def apart(one: Tensor, other: Tensor) -> Tensor:
        return (one.exp() * (one - other)).sum(-1)

    if swapped:
        return 0.5 * (apart(mixture, first) + apart(mixture, second))
    return 0.5 * (apart(first, mixture) + apart(second, mixture))
