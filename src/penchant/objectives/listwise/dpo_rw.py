"""DPO on scored lists: the forward divergence where EXO takes the reverse one."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_sum
from penchant.objectives.listwise.exo_rw import EXOReward

__all__ = ["DPOReward"]


class DPOReward(EXOReward):
    """DPO generalised to K scored responses (Ji et al., 2024), the baseline of EXO.

    loss = −Σ_i p_r(i) log p_f(i),   p_f = softmax(β_π Δ),   p_r = softmax(r / β_r)

    The sum runs over the responses to a prompt, Δ = log π(y|x) − log π_ref(y|x) (summed over tokens, nats). It is the
    forward KL divergence but for the entropy of p_r, a constant; with two responses and a sure p_r it is DPO.

    Example:
        >>> import torch
        >>> equal = torch.full((2, 3), -1.0)
        >>> both = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0]))
        >>> DPOReward()(responses=both, scores=torch.tensor([1.0, 0.0])).values
        tensor([0.6931])

    Reference:
        Ji, Lu, Niu, Ke, Wang, Zhu, Tang, Huang (2024), Towards Efficient Exact Optimization of Language Model
        Alignment.
    """

    id = "dpo-rw"
    paper = "arXiv:2402.00856"

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss of each prompt, [B]."""
        policy, reward = self._log_distributions(responses, scores)
        return -group_sum(reward.exp() * policy, responses.group)
