"""InfoNCA on scored lists: one softmax over the responses to a prompt."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_log_softmax, group_sum
from penchant.objectives.listwise.nca_reward import NCAReward

__all__ = ["InfoNCAReward"]


class InfoNCAReward(NCAReward):
    """InfoNCA from rewards (Chen et al., 2024), as in its published code.

    loss = −Σ_i q_i log softmax(s)_i,   q = softmax(r / α),   s = β (log π(y|x) − log π_ref(y|x))

    The sum runs over the responses to a prompt. It is DPO for lists: with two responses and q = (1, 0) it is DPO.

    Example:
        >>> import torch
        >>> equal = torch.full((3, 3), -1.0)
        >>> three = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0, 0]))
        >>> InfoNCAReward()(responses=three, scores=torch.tensor([1.0, 0.0, 2.0])).values.exp()
        tensor([3.])

    Reference:
        Chen, He, Yuan, Cui, Su, Zhu (2024), Noise Contrastive Alignment of Language Models with Explicit Rewards.
    """

    id = "infonca-reward"
    paper = "arXiv:2402.05369"

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss of each prompt, [B]."""
        share = group_log_softmax(self.beta * responses.logratio, responses.group)
        return -group_sum(self._target(responses, scores) * share, responses.group)
