"""Supervised fine-tuning that is drawn to a reference: a concave function of the implicit reward."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_mean

__all__ = ["FDivergenceSFT"]

#: Where a function of the reward goes on as its tangent: below, it is not defined or its slope has no bound.
_LOWEST = {"hellinger": -0.5, "jensen-shannon": -0.5, "reverse-kl": -3.0}
Divergence = Literal["total-variation", "pearson", "hellinger", "jensen-shannon", "reverse-kl"]


class FDivergenceSFT(Objective):
    """Supervised fine-tuning from an f-divergence between expert and policy (Wang et al., 2025).

    loss = −mean_t φ(r_t),   r = β (log π − log π_ref) of each token, or of the whole response

    total-variation: φ(r) = r;   pearson: r − r² / 4;   hellinger: r / (1 + r);   jensen-shannon: log(2 − exp(−r));
    reverse-kl: 1 − exp(−r)

    φ(0) = 0 and φ'(0) = 1 for all, so at π = π_ref every gradient is that of supervised fine-tuning, times β. Total
    variation is supervised fine-tuning up to a constant; the others hold back where the policy already leads the
    reference: the gradient of pearson vanishes at r = 2 and turns round above. Where φ is not defined, or falls
    exponentially, it goes on as its tangent. The completion of a demonstration is its chosen response.

    Example:
        >>> view = Scored(torch.tensor([[-1.0]]), torch.tensor([[-2.0]]), torch.ones(1, 1, dtype=torch.bool))
        >>> FDivergenceSFT(divergence="pearson")(chosen=view).values
        tensor([-0.7500])

    Reference:
        Wang et al. (2025), Implicit Reward as the Bridge: A Unified View of SFT and DPO Connections.
    """

    id = "fdiv-sft"
    paper = "arXiv:2507.00018"
    evidence = reconstruction(
        "The functions follow from the table of inverse soft Q-learning and the abstract; which ones the paper uses, "
        "and how it normalises them, was not read."
    )
    tags = ("supervised", "divergence")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "scale of the implicit reward, per nat"] = 1.0
    divergence: Annotated[Divergence, "whose objective it is; total-variation is supervised fine-tuning"] = "pearson"
    per_token: Annotated[bool, "the reward of each token instead of that of the whole response"] = True

    def loss(self, chosen: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per response, [B], and the mean implicit reward."""
        if not self.per_token:
            reward = self.beta * chosen.logratio
            return -self.phi(reward), {"implicit_reward": reward}
        reward = self.beta * chosen.token_logratio
        return -masked_mean(self.phi(reward), chosen.mask), {"implicit_reward": masked_mean(reward, chosen.mask)}

    def phi(self, reward: Tensor) -> Tensor:
        """φ of each implicit reward, of the same shape.

        Example:
            >>> FDivergenceSFT(divergence="hellinger").phi(torch.tensor([0.0, 1.0]))
            tensor([0.0000, 0.5000])
        """
        if self.divergence == "total-variation":
            return reward
        if self.divergence == "pearson":
            return reward - reward.square() / 4
        lowest = _LOWEST[self.divergence]
        inside = reward.clamp(min=lowest)
        # The slope of φ at the lowest reward, for the tangent below it.
        if self.divergence == "hellinger":
            value, slope = inside / (1 + inside), 1 / (1 + lowest) ** 2
        elif self.divergence == "jensen-shannon":
            value, slope = (2 - (-inside).exp()).log(), math.exp(-lowest) / (2 - math.exp(-lowest))
        else:
            value, slope = -torch.expm1(-inside), math.exp(-lowest)
        return value + slope * (reward - inside)
