"""On-policy weights of pairs (WPO): how likely the current policy is to produce a pair."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_mean

__all__ = ["Alignment", "alignment_needs", "pair_weight"]

Alignment = Literal["sampled", "none", "greedy"]
#: The statistic of the token distribution that a token's probability is compared with.
_COMPARED = {"sampled": "sum_p2", "greedy": "max_p"}


def alignment_needs(alignment: str) -> Needs:
    """The per-token statistic that an alignment reads.

    Args:
        alignment: ``sampled``, ``greedy`` or ``none``.

    Example:
        >>> alignment_needs("sampled").stats
        frozenset({'sum_p2'})
    """
    return Needs(stats=frozenset({_COMPARED[alignment]} if alignment in _COMPARED else ()))


def pair_weight(chosen: Scored, rejected: Scored, alignment: str) -> Tensor:
    """The WPO weight of a pair: how likely the current policy is to produce it.

    w = min(1, exp(A(y_chosen) + A(y_rejected))),   A(y) = (1 / |y|) Σ_t [log π(y_t) − log c_t]

    c_t is the probability that a token's probability is compared with: Σ_v π(v)² (``sampled``: the expectation for a
    sampled token), max_v π(v) (``greedy``: the most likely token), or 1 (``none``).

    Args:
        chosen: the preferred responses, with the statistic of the alignment.
        rejected: the others.
        alignment: ``sampled``, ``greedy`` or ``none``.

    Returns:
        [B] in (0, 1] up to underflow, without gradient.

    Example:
        >>> half = torch.full((1, 2), 0.5)
        >>> uniform = Scored(half.log(), None, half > 0, stats={"sum_p2": half})
        >>> pair_weight(uniform, uniform, "sampled"), pair_weight(uniform, uniform, "none")
        (tensor([1.]), tensor([0.2500]))

    Reference:
        Zhou et al. (2024), WPO: Enhancing RLHF with Weighted Preference Optimization.
    """

    def aligned(view: Scored) -> Tensor:
        tokens = view.policy.detach()
        if alignment in _COMPARED:
            compared = view.stat(_COMPARED[alignment]).detach()
            tokens = tokens - compared.clamp(min=torch.finfo(compared.dtype).tiny).log()
        return masked_mean(tokens, view.mask)

    return (aligned(chosen) + aligned(rejected)).clamp(max=0).exp()
