"""The two normalised losses of statistical rejection sampling optimization."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor, relu

from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["RSOHingeNorm", "RSOSigmoidNorm"]


class _RSO(Objective):
    """What both losses have: the inverse temperature γ, and the reference (the model that was fine-tuned first)."""

    paper = "arXiv:2309.06657"
    needs = Needs(reference=True)

    gamma: Annotated[float, Gt(0), "inverse temperature γ of the implied reward"] = 0.05

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward γ Δ of each response, [R], without gradient."""
        return (self.gamma * view.logratio).detach()


class RSOHingeNorm(_RSO):
    """Statistical Rejection Sampling Optimization, hinge-norm (Liu et al., 2023).

    loss = max(0, 1 − γ (Δ_chosen − Δ_rejected)),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    The same function as ``slic-hinge``, whose β is γ here. The paper's γ of 0.05 is that of its sigmoid loss.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> RSOHingeNorm(gamma=0.1)(chosen=equal, rejected=equal).values
        tensor([1.])

    Reference:
        Liu, Zhao, Joshi, Khalman, Saleh, Liu, Liu (2023), Statistical Rejection Sampling Improves Preference
        Optimization.
    """

    id = "rso-hinge-norm"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        return relu(1 - self.gamma * logratio_margin(chosen, rejected))


class RSOSigmoidNorm(_RSO):
    """Statistical Rejection Sampling Optimization, sigmoid-norm (Liu et al., 2023).

    loss = −log σ(γ (Δ_chosen − Δ_rejected)),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    The same function as ``dpo``, whose β is γ here. What sets the method apart is where its pairs come from: they are
    drawn approximately from the optimal policy.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> RSOSigmoidNorm()(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Liu, Zhao, Joshi, Khalman, Saleh, Liu, Liu (2023), Statistical Rejection Sampling Improves Preference
        Optimization.
    """

    id = "rso-sigmoid-norm"

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        return logistic(self.gamma * logratio_margin(chosen, rejected))
