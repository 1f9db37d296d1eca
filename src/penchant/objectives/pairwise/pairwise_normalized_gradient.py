"""DPO with pairwise normalised gradients: equal gradient norms for chosen and rejected responses."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["PairwiseNormalizedGradient"]


class PairwiseNormalizedGradient(Objective):
    """DPO with pairwise normalised gradients (Yuan, Zeng, Wu, Wang, Wang, Leqi, 2024), against gradient entanglement.

    ∇loss = −β σ(−β Δ) (a_w / |a_w| − a_l / |a_l|),   Δ = Δ_chosen − Δ_rejected,   a = ∇_θ log π(y|x)

    Sums over tokens, nats. The value is the DPO loss, but its gradient is not: the part of each response is divided by
    the norm of its parameter gradient. To first order, a step on a pair then never lowers the chosen and never raises
    the rejected log-probability, whatever the angle between the gradients. The norms and the factor before the bracket
    are treated as constants. Steps are smaller than those of DPO by the size of such a norm, so the learning rate must
    be larger. The norms are exact and cost one backward pass per response.

    Example:
        >>> one, norm = torch.ones(1, 2, dtype=torch.bool), {"gradient_norm": torch.tensor([4.0])}
        >>> policy = torch.full((1, 2), -1.0, requires_grad=True)
        >>> view = Scored(policy, policy, one, fields=norm)
        >>> losses = PairwiseNormalizedGradient(beta=0.8)(chosen=view, rejected=Scored(-one.float(), -one.float(), one,
        ...                                                                          fields=norm)).values
        >>> losses, torch.autograd.grad(losses.sum(), policy)[0]
        (tensor([0.6931], grad_fn=<SubBackward0>), tensor([[-0.1000, -0.1000]]))

    Reference:
        Yuan, Zeng, Wu, Wang, Wang, Leqi (2024), A Common Pitfall of Margin-based Language Model Alignment: Gradient
        Entanglement.
    """

    id = "pairwise-normalized-gradient"
    paper = "arXiv:2410.13828"
    evidence = reconstruction(
        "The paper proposes the method without code; that the scalar factor is that of DPO is our reading."
    )
    tags = ("gradients",)
    exempt = Exempt(value_gradient="the gradient of each response is divided by its norm")
    needs = Needs(reference=True, gradient_norms=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]; its gradient is the normalised one."""
        margin = self.beta * logratio_margin(chosen, rejected).detach()
        force = self.beta * torch.sigmoid(-margin)
        pull = force * (self._normalised(rejected) - self._normalised(chosen))
        return logistic(margin) + pull - pull.detach()

    def _normalised(self, view: Scored) -> Tensor:
        """The log-probability of each response divided by its gradient norm, [B]; 0 for an empty response."""
        norm = view.fields.get("gradient_norm")
        if norm is None:
            raise ConfigurationError(
                "The responses have no 'gradient_norm', the norm of the parameter gradient of their log-probability.",
                where=f"objective {self.id}",
                fix="Score them with `Needs(gradient_norms=True)`; in plain lists give it next to 'policy'.",
            )
        return view.logp / norm.clamp(min=torch.finfo(norm.dtype).tiny ** 0.5)
