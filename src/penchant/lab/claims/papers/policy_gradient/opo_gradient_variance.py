"""OPO's baseline and the group's mean: the variance of the gradient where responses differ in length."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.objectives.functional.advantages import group_advantages, length_weighted_advantages
from penchant.objectives.functional.sampled.baselines import leave_one_out

__all__ = ["WeightedByLength"]

_TOKENS, _LONGEST = 6, 24
_GROUPS, _SAMPLES = 1000, 8


class WeightedByLength(Claim):
    """Groups of eight samples of a table of tokens, whose first token ends a response."""

    id = "opo-gradient-variance"
    paper = "arXiv:2505.23585"
    sentence = (
        "Where responses differ in length and longer ones have higher rewards, the policy gradient of eight samples "
        "has a smaller variance with the mean reward weighted by length as baseline than with the plain mean, or with "
        "the mean of the other samples."
    )
    measures = ("opo",)
    world = "a table of 24 places and six tokens, one of which ends the response; rewards of tokens and of length"
    quantity = "logarithm of the variance of the gradient"
    contrasts = (Contrast("mean", "length", smallest=0.05), Contrast("others", "length", smallest=0.05))

    def measure(self, seed: int) -> Mapping[str, float]:
        """A thousand groups of the starting policy; nothing is tuned."""
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        table, worth = normal(_LONGEST, _TOKENS), normal(_TOKENS)
        table[:, 0] -= 0.5
        policy = table.softmax(-1)
        count = _GROUPS * _SAMPLES
        drawn = torch.stack([torch.multinomial(row, count, True, generator=generator) for row in policy], 1)
        ended = (drawn == 0).cumsum(-1)
        mask = (ended == 0) | ((drawn == 0) & (ended == 1))
        lengths = mask.sum(-1).double()
        rewards = 2 * lengths / _LONGEST + (worth[drawn] * mask).sum(-1) / lengths.sqrt()
        chosen = torch.nn.functional.one_hot(drawn, _TOKENS).double()
        gradients = ((chosen - policy) * mask.unsqueeze(-1)).flatten(1)
        group = torch.arange(_GROUPS).repeat_interleave(_SAMPLES)
        arms = {
            "mean": group_advantages(rewards, group, scale="none"),
            "others": leave_one_out(rewards, group),
            "length": length_weighted_advantages(rewards, group, lengths),
        }
        return {arm: _log_variance(each, gradients) for arm, each in arms.items()}


def _log_variance(advantages: Tensor, gradients: Tensor) -> float:
    """Of the mean over each group of advantage times gradient, summed over the parameters."""
    each = (advantages.unsqueeze(-1) * gradients).reshape(_GROUPS, _SAMPLES, -1).mean(1)
    return float(each.var(0).sum().log())
