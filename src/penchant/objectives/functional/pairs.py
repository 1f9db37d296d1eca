"""Building blocks of pairwise losses: margins, losses of a margin, and the NLL term."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid

__all__ = [
    "bounded_logistic",
    "hinge",
    "logistic",
    "logratio_margin",
    "negative_log_likelihood",
    "offset_logistic",
    "squared",
]


def logratio_margin(chosen: Scored, rejected: Scored, *, average: bool = False) -> Tensor:
    """The log-ratio margin of a pair: chosen minus rejected log-ratio of policy and reference.

    Δ = Δ_chosen − Δ_rejected,   Δ_y = log π(y|x) − log π_ref(y|x)

    Args:
        chosen: the preferred responses, scored by policy and reference.
        rejected: the rejected responses, scored likewise.
        average: use means over the tokens of each response instead of sums.

    Returns:
        [B], nats, or nats per token.

    Example:
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
    """The logistic loss of a margin with label smoothing.

    loss = −(1 − ε) log σ(z) − ε log σ(−z)

    Args:
        margin: [B] z, any real number.
        flipped: the probability ε that the label is flipped; one number, or one per pair, in [0, 1].

    Returns:
        [B], at least the entropy of ε; log 2 at z = 0.

    Example:
        >>> logistic(torch.tensor([0.0, 100.0]), 0.1)
        tensor([ 0.6931, 10.0000])

    Reference:
        Mitchell (2023), A note on DPO with noisy preferences and relationship to IPO.
    """
    if isinstance(flipped, float | int) and flipped == 0:
        return -logsigmoid(margin)
    return -(1 - flipped) * logsigmoid(margin) - flipped * logsigmoid(-margin)


def hinge(margin: Tensor) -> Tensor:
    """The hinge loss of a margin; a pair whose margin is at least 1 has no gradient.

    loss = max(0, 1 − z)

    Args:
        margin: [B] z, any real number.

    Returns:
        [B], at least 0.

    Example:
        >>> hinge(torch.tensor([0.0, 0.5, 2.0]))
        tensor([1.0000, 0.5000, 0.0000])

    Reference:
        Zhao et al. (2023), SLiC-HF: Sequence Likelihood Calibration with Human Feedback.
    """
    return torch.relu(1 - margin)


def squared(margin: Tensor, beta: float) -> Tensor:
    """The squared distance of a margin from its target.

    loss = (h − 1 / (2 β))²

    Args:
        margin: [B] h, nats, or nats per token.
        beta: β, the strength of the regularisation.

    Returns:
        [B], at least 0.

    Example:
        >>> squared(torch.tensor([0.0, 5.0]), beta=0.1)
        tensor([25.,  0.])

    Reference:
        Azar et al. (2023), A General Theoretical Paradigm to Understand Learning from Human Preferences, eq. 17.
    """
    return (margin - 1 / (2 * beta)).square()


def bounded_logistic(margin: Tensor, gamma: float, alpha: float) -> Tensor:
    """A logistic and a bounded loss; the gradient of the bounded one vanishes far below zero margin.

    loss = −γ log σ(z) + α σ(−z)

    Args:
        margin: [B] z, any real number.
        gamma: weight of the logistic loss.
        alpha: weight of the bounded loss.

    Returns:
        [B], at least 0.

    Example:
        >>> bounded_logistic(torch.tensor([0.0]), gamma=0.0, alpha=1.0)
        tensor([0.5000])

    Reference:
        Liang et al. (2024), ROPO: Robust Preference Optimization for Large Language Models.
    """
    return gamma * logistic(margin) + alpha * torch.sigmoid(-margin)


def offset_logistic(chosen: Scored, rejected: Scored, beta: float, offset: Tensor) -> Tensor:
    """The DPO loss with an offset that the reward margin has to exceed.

    loss = −log σ(β (Δ_chosen − Δ_rejected) − offset)

    Args:
        chosen: the preferred responses, scored by policy and reference.
        rejected: the rejected responses, scored likewise.
        beta: inverse temperature of the implied reward.
        offset: [B], in units of reward, without gradient of the policy.

    Returns:
        [B]; log 2 if the margin equals the offset.

    Example:
        >>> level = Scored(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool))
        >>> offset_logistic(level, level, 0.1, torch.tensor([9.0]))
        tensor([9.0001])

    Reference:
        Amini, Vieira, Cotterell (2024), Direct Preference Optimization with an Offset.
    """
    return logistic(beta * logratio_margin(chosen, rejected) - offset)


def negative_log_likelihood(view: Scored, *, average: bool = False) -> Tensor:
    """Negative log-likelihood of responses: the term that many losses add for the chosen response.

    nll = −log π(y|x),   or −(1 / |y|) log π(y|x)

    Args:
        view: responses scored by the policy.
        average: use the mean over the tokens of each response instead of the sum.

    Returns:
        [B], nats, or nats per token.

    Example:
        >>> view = Scored(torch.tensor([[-1.0, -3.0]]), None, torch.ones(1, 2, dtype=torch.bool))
        >>> negative_log_likelihood(view), negative_log_likelihood(view, average=True)
        (tensor([4.]), tensor([2.]))

    Reference:
        Fisher (1922), On the Mathematical Foundations of Theoretical Statistics.
    """
    return -(view.mean_logp if average else view.logp)
