"""Losses of pairs of scalar rewards, for reward models."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["centering", "eurus", "margin_regression", "reward_logistic"]


def reward_logistic(
    difference: Tensor,
    tau: float = 1.0,
    margin: Tensor | None = None,
    preferred: float | Tensor = 1.0,
) -> Tensor:
    """The logistic loss of a difference of rewards, or of any score of one response over another.

    loss = −p log σ((Δ − m) / τ) − (1 − p) log σ((−Δ − m) / τ)

    The second term is the loss of the pair with its sides exchanged; without margin it is −(1 − p) log σ(−Δ / τ).

    Args:
        difference: [B] Δ, the reward of the chosen response less that of the rejected one.
        tau: temperature τ.
        margin: [B] m, at least 0, in units of reward; 0 if absent.
        preferred: the probability p that the chosen response is preferred; one number, or one per pair.

    Returns:
        [B]; log 2 at Δ = m for p = 1.

    Example:
        >>> reward_logistic(torch.tensor([0.0, 1.0]), margin=torch.tensor([0.0, 1.0]))
        tensor([0.6931, 0.6931])

    Reference:
        Touvron et al. (2023), Llama 2, eq. 2 (margin).
    """
    offset = 0.0 if margin is None else margin
    won = -logsigmoid((difference - offset) / tau)
    if isinstance(preferred, float | int) and preferred == 1:
        return won
    return preferred * won - (1 - preferred) * logsigmoid((-difference - offset) / tau)


def centering(chosen: Tensor, rejected: Tensor) -> Tensor:
    """The square of the sum of a pair's two rewards, which keeps rewards around 0.

    loss = (r_c + r_r)²

    Args:
        chosen: [B] rewards of the chosen responses.
        rejected: [B] rewards of the rejected ones.

    Returns:
        [B], at least 0.

    Example:
        >>> centering(torch.tensor([1.0, 2.0]), torch.tensor([-1.0, 1.0]))
        tensor([0., 9.])

    Reference:
        Eisenstein et al. (2023), Helping or Herding? Reward Model Ensembles Mitigate but do not Eliminate Reward
        Hacking.
    """
    return (chosen + rejected).square()


def margin_regression(
    difference: Tensor,
    tau: float = 1.0,
    target_margin: float = 10.0,
    margin: Tensor | None = None,
    margin_scale: float = 5.0,
) -> Tensor:
    """Half the squared error of a difference of rewards against a target.

    loss = ½ (Δ / τ − M)²,   with a margin ½ (Δ / τ − s σ(m))²

    Args:
        difference: [B] Δ.
        tau: temperature τ.
        target_margin: the target M where pairs have no margin.
        margin: [B] m; any real numbers.
        margin_scale: s, the largest target of a pair with a margin.

    Returns:
        [B], 0 where the target is met.

    Example:
        >>> margin_regression(torch.tensor([10.0, 8.0]))
        tensor([0., 2.])

    Reference:
        Zhang et al. (2024), Beyond Bradley-Terry Models, published code.
    """
    target = target_margin if margin is None else margin_scale * torch.sigmoid(margin)
    return 0.5 * (difference / tau - target).square()


def eurus(chosen: Tensor, rejected: Tensor, direct_weight: float | Tensor = 1.0) -> Tensor:
    """The loss of Eurus' reward model on pairs of solutions.

    loss = −log σ(r_c − r_r) − w [log σ(r_c) + log σ(−r_r)]

    The first term is Bradley-Terry's; the others raise the reward of right solutions above 0 and lower that of wrong
    ones below. General chat pairs have the first term only (w = 0).

    Args:
        chosen: [B] rewards of the right solutions.
        rejected: [B] rewards of the wrong ones.
        direct_weight: weight w of the direct terms; one number, or one per pair.

    Returns:
        [B].

    Example:
        >>> import torch
        >>> eurus(torch.zeros(1), torch.zeros(1)) / torch.tensor(2.0).log()
        tensor([3.])

    Reference:
        Yuan et al. (2024), Advancing LLM Reasoning Generalists with Preference Trees, arXiv:2404.02078.
    """
    direct = logsigmoid(chosen) + logsigmoid(-rejected)
    return -logsigmoid(chosen - rejected) - direct_weight * direct
