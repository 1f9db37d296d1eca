"""NCA and InfoNCA on scored lists: noise contrastive losses per response, or with one softmax per list."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import first_of_group, group_log_softmax, group_mean, group_sum
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["InfoNCAReward", "NCAReward"]


class _FromRewards(Objective):
    """Base class of both losses: the inverse temperature, and the target distribution from rewards."""

    paper = "arXiv:2402.05369"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    temperature: Annotated[float, Gt(0), "temperature α of the rewards; the published code uses its inverse"] = 1.0
    first_score_bonus: Annotated[float, Ge(0), "added to the reward of the first response to each prompt"] = 0.0

    def _target(self, responses: Scored, scores: Tensor) -> Tensor:
        """The target probability q of each response within its list, [R]."""
        raised = scores + self.first_score_bonus * first_of_group(responses.group)
        return group_log_softmax(raised / self.temperature, responses.group).exp()


class NCAReward(_FromRewards):
    """Noise Contrastive Alignment from rewards (Chen et al., 2024), as in its published code.

    loss = −Σ_i [q_i log σ(s_i) + (1/K) log σ(−s_i)],   q = softmax(r / α),   s = β (log π(y|x) − log π_ref(y|x))

    The sum runs over the K responses to a prompt. With two responses and q = (1, 0) it is the pair form of NCA. Each
    response has its own sigmoid, so the loss keeps the likelihood of good responses high, not only their lead. The code
    adds 0.01 to the first response's reward to break ties: ``first_score_bonus``, 0 by default.

    Example:
        >>> import torch
        >>> equal = torch.full((2, 3), -1.0)
        >>> both = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0]))
        >>> NCAReward()(responses=both, scores=torch.tensor([1.0, 0.0])).values
        tensor([1.3863])

    Reference:
        Chen, He, Yuan, Cui, Su, Zhu (2024), Noise Contrastive Alignment of Language Models with Explicit Rewards.
    """

    id = "nca-reward"
    evidence = OFFICIAL_CODE
    tags = ("scores", "likelihood")

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        strength = self.beta * responses.logratio
        target = self._target(responses, scores)
        attracted = group_sum(target * logsigmoid(strength), responses.group)
        return -attracted - group_mean(logsigmoid(-strength), responses.group)


class InfoNCAReward(_FromRewards):
    """InfoNCA from rewards (Chen et al., 2024), as in its published code.

    loss = −Σ_i q_i log softmax(s)_i,   q = softmax(r / α),   s = β (log π(y|x) − log π_ref(y|x))

    The sum runs over the responses to a prompt. The list form of DPO: with two responses and q = (1, 0) it is DPO.

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
    evidence = OFFICIAL_CODE
    tags = ("scores", "distribution")

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        share = group_log_softmax(self.beta * responses.logratio, responses.group)
        return -group_sum(self._target(responses, scores) * share, responses.group)
