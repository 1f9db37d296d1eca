"""LiPO-λ: pairs of a list, weighted by what their exchange changes in the DCG."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import INDEPENDENT_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_sum
from penchant.objectives.functional.lists import better_pairs, pairwise_logistic, place_by

__all__ = ["LiPOLambda", "lambda_weights"]


def lambda_weights(scores: Tensor, places: Tensor) -> Tensor:
    """Δ_ij = |2^ψ_i − 2^ψ_j| · |1/log(1 + τ_i) − 1/log(1 + τ_j)|, [R, R].

    Args:
        scores: [R] the labels ψ, usually in [0, 1].
        places: [R] the place τ of each response, 1 for the first.

    Example:
        >>> import torch
        >>> lambda_weights(torch.tensor([1.0, 0.0]), torch.tensor([1, 2])).tolist()[0][1]
        0.5324...
    """
    gain, discount = scores.exp2(), 1 / places.to(scores.dtype).log1p()
    return (gain.unsqueeze(1) - gain).abs() * (discount.unsqueeze(1) - discount).abs()


class LiPOLambda(Objective):
    """Listwise Preference Optimization with λ weights (Liu et al., 2024), eq. 7.

    loss = Σ_{ψ_i > ψ_j} Δ_ij log(1 + exp(s_j − s_i)),   s = β (log π(y|x) − log π_ref(y|x))

    Δ_ij is the change of the DCG if i and j exchange places, with gains 2^ψ − 1, discounts log(1 + τ) and places τ by
    the current s; it carries no gradient. With two responses it is DPO times Δ.

    Example:
        >>> import torch
        >>> equal = torch.full((2, 1), -1.0)
        >>> both = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0]))
        >>> LiPOLambda()(responses=both, scores=torch.tensor([0.5, 0.5])).values
        tensor([0.])

    Reference:
        Liu et al. (2024), LiPO: Listwise Preference Optimization through Learning-to-Rank.
    """

    id = "lipo-lambda"
    paper = "arXiv:2402.01878"
    evidence = INDEPENDENT_CODE
    tags = ("scores", "weighting")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.05

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        strength, group = self.beta * responses.logratio, responses.group
        weights = lambda_weights(scores, place_by(strength.detach(), group)).to(strength.dtype)
        return group_sum(pairwise_logistic(strength, better_pairs(scores, group), weights), group)
