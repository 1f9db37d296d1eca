"""Losses of pairs of scalar rewards, for reward models."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["eurus"]


def eurus(chosen: Tensor, rejected: Tensor, direct_weight: float = 1.0) -> Tensor:
    """The loss of Eurus' reward model on pairs of solutions.

    loss = −log σ(r_c − r_r) − w [log σ(r_c) + log σ(−r_r)]

    The first term is Bradley-Terry's; the others raise the reward of right solutions above 0 and lower that of wrong
    ones below. General chat pairs have the first term only (w = 0).

    Args:
        chosen: [B] rewards of the right solutions.
        rejected: [B] rewards of the wrong ones.
        direct_weight: weight w of the direct terms.

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
