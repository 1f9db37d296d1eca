"""Token weights by influence: how much loss follows a token in its response."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor

from penchant.objectives.functional.numerics import masked_sum

__all__ = ["Influence", "InfluenceNorm", "Side", "discounted_rest", "influence_weights"]

#: What a token passes on to those before it.
Influence: TypeAlias = Literal["loss", "logps", "mask"]
#: How sums become weights.
InfluenceNorm: TypeAlias = Literal["L1", "L2", "log", "softmax"]
#: Whether what follows a token counts, or the inverse of what stands before it.
Side: TypeAlias = Literal["left", "right"]


def discounted_rest(values: Tensor, discount: float) -> Tensor:
    """The discounted sum from each place to the end.

    c_t = Σ_{s ≥ t} g^(s − t) v_s

    Args:
        values: [R, T], finite, 0 behind the end of a row.
        discount: g in [0, 1].

    Returns:
        [R, T].

    Example:
        >>> discounted_rest(torch.tensor([[1.0, 2.0, 4.0]]), 0.5)
        tensor([[3., 4., 4.]])
    """
    # Doubling: after each round, every place holds the sum over twice as many places.
    found, reach = values, 1
    while reach < values.shape[-1]:
        later = torch.nn.functional.pad(found[:, reach:], (0, reach))
        found, reach = found + discount**reach * later, 2 * reach
    return found


def influence_weights(
    losses: Tensor,
    mask: Tensor,
    discount: float,
    influence: Influence = "loss",
    norm: InfluenceNorm = "L1",
    side: Side = "left",
) -> Tensor:
    """The weight of each token, by the discounted sum of what follows it.

    v_t = |y| f(c_t) / Σ_s f(c_s),   c_t = Σ_{s ≥ t} g^(s − t) b_s;   v_t = 1 if g = 0

    b is loss: a_t / |y|, logps: a_t, mask: 1; f is L1: c, L2: c², log: log(1 + c), softmax: eᶜ.

    On the right side c_t = Σ_{s ≤ t} g^(t − s) b_s, plus the smallest sum above 0 of the response, and f is
    L1: 1 / c, L2: 1 / c², log: 1 / log(1 + c), softmax: e^(1 / c). The published code adds the smallest sum of the
    batch, with which a response's loss would depend on the others.

    Args:
        losses: [R, T] a, −log-probability of each token, nats.
        mask: [R, T] bool, the tokens of each response.
        discount: g in [0, 1].
        influence: what a token passes on.
        norm: how sums become weights.
        side: ``left`` or ``right``.

    Returns:
        [R, T], 0 where the mask is false; the weights of a response sum to its length.

    Example:
        >>> influence_weights(torch.tensor([[1.0, 1.0]]), torch.ones(1, 2, dtype=torch.bool), 1.0)
        tensor([[1.3333, 0.6667]])

    Reference:
        Hua et al. (2024), Intuitive Fine-Tuning: Towards Unifying SFT and RLHF into a Single Process,
        arXiv:2405.11870.
    """
    within = mask.to(losses.dtype)
    if discount == 0:
        return within
    length = mask.sum(-1, keepdim=True).clamp(min=1)
    passed = {"loss": losses / length, "logps": losses, "mask": torch.ones_like(losses)}[influence]
    passed = torch.where(mask, passed, 0.0)
    rest = discounted_rest(passed, discount) if side == "left" else _before(passed, mask, discount)
    if side == "right":
        rest, norm = _inverse(rest, norm), "L1" if norm in ("L2", "log") else norm
    if norm == "softmax":
        return torch.softmax(rest.masked_fill(~mask, -torch.inf), -1).nan_to_num(0.0) * length
    shares = {"L1": lambda: rest, "L2": rest.square, "log": rest.log1p}[norm]()
    total = masked_sum(shares, mask).unsqueeze(-1)
    # A response that is certain has no loss to share out; its tokens count alike.
    known = total > 0
    weights = torch.where(known, shares * length / torch.where(known, total, 1.0), 1.0)
    return torch.where(mask, weights, 0.0)


def _before(passed: Tensor, mask: Tensor, discount: float) -> Tensor:
    """The discounted sum from the beginning to each place, plus the smallest one above 0; 0 in a certain response."""
    sums = discounted_rest(passed.flip(-1), discount).flip(-1)
    least = sums.masked_fill(~mask | (sums <= 0), torch.inf).amin(-1, keepdim=True)
    return torch.where(least.isfinite(), sums + least, 0.0)


def _inverse(sums: Tensor, norm: InfluenceNorm) -> Tensor:
    """f of the right side, without softmax's own exponent; 0 where nothing is passed on."""
    there = sums > 0
    safe = torch.where(there, sums, 1.0)
    values = {"L1": safe, "softmax": safe, "L2": safe.square(), "log": safe.log1p()}[norm]
    return torch.where(there, 1 / values, 0.0)
