"""What the losses of pairs share: the logistic loss with flipped labels, and the margin of a pair."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.numerics import logsigmoid
from penchant.objectives.scored import Scored

__all__ = ["logistic", "logratio_margin"]


def logratio_margin(chosen: Scored, rejected: Scored, *, average: bool = False) -> Tensor:
    """How much more the policy has come to prefer the chosen response than the reference does.

    Δ = Δ_chosen − Δ_rejected,   Δ_y = log π(y|x) − log π_ref(y|x)

    Args:
        chosen: the preferred responses, scored by policy and reference.
        rejected: the others.
        average: means over each response's tokens instead of sums.

    Returns:
        [B], nats, or nats per token.

    Example:
        >>> import torch
        >>> one = torch.ones(1, 2, dtype=torch.bool)
        >>> up = Scored(torch.zeros(1, 2), -torch.ones(1, 2), one)
        >>> level = Scored(torch.zeros(1, 2), torch.zeros(1, 2), one)
        >>> logratio_margin(up, level), logratio_margin(up, level, average=True)
        (tensor([2.]), tensor([1.]))

    Reference:
        Rafailov et al. (2023), Direct Preference Optimization, eq. 7.
    """
    if average:
        return chosen.mean_logratio - rejected.mean_logratio
    return chosen.logratio - rejected.logratio


def logistic(margin: Tensor, flipped: float | Tensor = 0.0) -> Tensor:
    """The logistic loss of a margin whose sign is wrong with a known probability (label smoothing).

    loss = −(1 − ε) log σ(z) − ε log σ(−z)

    Args:
        margin: [B] z, any real numbers.
        flipped: the probability ε that the label is the wrong way round; a number, or one a pair, in [0, 1].

    Returns:
        [B], at least the entropy of ε; log 2 at z = 0.

    Example:
        >>> import torch
        >>> logistic(torch.tensor([0.0, 100.0]), 0.1)
        tensor([ 0.6931, 10.0000])

    Reference:
        Mitchell (2023), A note on DPO with noisy preferences and relationship to IPO.
    """
    if isinstance(flipped, float | int) and flipped == 0:
        return -logsigmoid(margin)
    return -(1 - flipped) * logsigmoid(margin) - flipped * logsigmoid(-margin)
