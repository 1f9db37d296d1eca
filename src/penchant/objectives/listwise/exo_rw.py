"""EXO on scored lists, and its baseline DPO: divergences between the policy's and the reward's distribution."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_log_softmax, group_sum

__all__ = ["DPOReward", "EXOReward"]


class _Distributions(Objective):
    """Base class of both losses: the distributions of policy and rewards over the responses to a prompt."""

    paper = "arXiv:2402.00856"
    needs = Needs(reference=True)

    beta_policy: Annotated[float, Gt(0), "inverse temperature β_π of the implied reward"] = 0.5
    beta_reward: Annotated[float, Gt(0), "temperature β_r of the rewards, in units of reward"] = 0.5

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β_π Δ of each response, [R], without gradient."""
        return (self.beta_policy * view.logratio).detach()

    def _log_distributions(self, responses: Scored, scores: Tensor) -> tuple[Tensor, Tensor]:
        """log p_f and log p_r of each response within its list, [R]."""
        policy = group_log_softmax(self.beta_policy * responses.logratio, responses.group)
        return policy, group_log_softmax(scores / self.beta_reward, responses.group)


class EXOReward(_Distributions):
    """Efficient Exact Optimization from rewards (Ji et al., 2024), as in its published code.

    loss = Σ_i p_f(i) (log p_f(i) − log p_r(i)),   p_f = softmax(β_π Δ),   p_r = softmax(r / β_r)

    The sum runs over the responses to a prompt, Δ = log π(y|x) − log π_ref(y|x) (summed over tokens, nats). This is the
    reverse KL divergence of the two distributions, which is 0 if they are equal; the gradient flows through both
    occurrences of p_f. The ratio β_r / β_π acts as the weight of the divergence from the reference.

    Example:
        >>> import torch
        >>> equal = torch.full((2, 3), -1.0)
        >>> both = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0]))
        >>> EXOReward()(responses=both, scores=torch.tensor([0.5, 0.5])).values
        tensor([0.])

    Reference:
        Ji, Lu, Niu, Ke, Wang, Zhu, Tang, Huang (2024), Towards Efficient Exact Optimization of Language Model
        Alignment.
    """

    id = "exo-rw"
    evidence = OFFICIAL_CODE
    tags = ("scores", "distribution", "divergence")

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        policy, reward = self._log_distributions(responses, scores)
        return group_sum(policy.exp() * (policy - reward), responses.group)


class DPOReward(_Distributions):
    """DPO generalised to K scored responses (Ji et al., 2024), the baseline of EXO.

    loss = −Σ_i p_r(i) log p_f(i),   p_f = softmax(β_π Δ),   p_r = softmax(r / β_r)

    The sum runs over the responses to a prompt, Δ = log π(y|x) − log π_ref(y|x) (summed over tokens, nats). This is the
    forward KL divergence up to the entropy of p_r, which is constant; with two responses and one-hot p_r it is DPO.

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
    evidence = PAPER
    tags = ("scores", "distribution")

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        policy, reward = self._log_distributions(responses, scores)
        return -group_sum(reward.exp() * policy, responses.group)
