"""Tail weighting of pairs (LD-DPO): tokens of the longer response beyond the length of the shorter one."""

from __future__ import annotations

import torch

from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import wide_dtype

__all__ = ["tail_weighted"]


def tail_weighted(
    chosen: Scored, rejected: Scored, alpha: float, apply_to_reference: bool = True
) -> tuple[Scored, Scored]:
    """Both responses of each pair, with weight ``alpha`` on the tokens beyond the length of the shorter one.

    log π(y|x) ← Σ_{t ≤ m} log π(y_t) + α Σ_{t > m} log π(y_t),   m = min(|y_chosen|, |y_rejected|)   (tokens)

    Args:
        chosen: the preferred responses.
        rejected: the others.
        alpha: the weight of the tail; 1 changes nothing, 0 ignores it.
        apply_to_reference: whether to weight the reference's log-probabilities too.

    Returns:
        Chosen and rejected responses with token weights.

    Example:
        >>> long, short = (Scored(torch.full((1, n), -1.0), None, torch.ones(1, n, dtype=torch.bool)) for n in (4, 2))
        >>> [view.logp.item() for view in tail_weighted(long, short, 0.5)]
        [-3.0, -2.0]

    Reference:
        Liu et al. (2024), Length Desensitization in Direct Preference Optimization.
    """
    shared = torch.minimum(chosen.length, rejected.length).unsqueeze(-1)

    def weigh(view: Scored) -> Scored:
        once = torch.ones_like(view.policy, dtype=wide_dtype(view.policy.dtype))
        weights = once.masked_fill(view.mask.cumsum(dim=-1) > shared, alpha)
        return view.weighted(weights, None if apply_to_reference else once)

    return weigh(chosen), weigh(rejected)
