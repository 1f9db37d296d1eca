"""DDO-RM: distillation of the policy's distribution over candidates towards its reward-tilted version."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_log_softmax, group_sum

__all__ = ["DDORM"]


class DDORM(Objective):
    """Reward-guided decision-distribution optimisation (DDO-RM, 2026), as in its published code.

    loss = −Σ_i q_i log p_i,   p = softmax(s / T),   q = softmax((s + η A) / T),   A_i = R_i − Σ_j p_j R_j

    The sums run over the candidates for a prompt; s is the mean log-probability per token of a response; there is no
    reference. The target q carries no gradient, so the gradient in s is (p − q) / T. q is proportional to p exp(η R /
    T): centring the rewards does not change it. The released trainer does not detach q; ``released`` reproduces that,
    with equal losses but different gradients.

    Example:
        >>> import torch
        >>> equal = torch.full((2, 3), -1.0)
        >>> both = Scored(equal, None, equal < 0, group=torch.tensor([0, 0]))
        >>> DDORM()(responses=both, scores=torch.tensor([1.0, 1.0])).values
        tensor([0.6931])

    Reference:
        DDO-RM: reward-guided decision-distribution optimisation (2026).
    """

    id = "ddo-rm"
    paper = "arXiv:2604.11119"
    evidence = OFFICIAL_CODE
    tags = ("scores", "distribution")
    exempt = Exempt(value_gradient="the target carries no gradient")

    eta: Annotated[float, Ge(0), "strength of the reward tilt of the target; at 0 the gradient is zero"] = 1.0
    temperature: Annotated[float, Gt(0), "temperature T of both distributions, nats per token"] = 1.0
    released: Annotated[bool, "propagate the gradient through the target, like the released trainer"] = False

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        policy, _, target = self.distributions(responses, scores)
        return -group_sum((target if self.released else target.detach()) * policy, responses.group)

    def distributions(self, responses: Scored, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log p, the centred rewards A and the target q of each response, [R]."""
        group = responses.group
        policy = group_log_softmax(responses.mean_logp / self.temperature, group)
        centred = scores - group_sum(policy.exp() * scores, group)[group]
        return policy, centred, group_log_softmax(policy + self.eta * centred / self.temperature, group).exp()
