"""DMPO: one preferred response against the mean of several."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.lists import best_and_rest, rest_mean
from penchant.objectives.functional.pairs import logistic

__all__ = ["DMPO"]


class DMPO(Objective):
    """Direct Multi-Preference Optimization (Bai et al., 2024), as in the code of DynamicPO.

    loss = −log σ(s_w − (1/N) Σ_i s_i),   s = β (log π(y|x) − log π_ref(y|x))

    w is the response of the best rank, i runs over the N that are ranked worse. All negatives get the same gradient.
    With one negative it is DPO.

    Example:
        >>> import torch
        >>> equal = torch.full((3, 1), -1.0)
        >>> three = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0, 0]))
        >>> DMPO()(responses=three, ranks=torch.tensor([1.0, 2.0, 2.0])).values
        tensor([0.6931])

    Reference:
        Bai, Xu, Wang, Ren, Zhao, Ding, Chen (2024), Aligning Large Language Model with Direct Multi-Preference
        Optimization for Recommendation.
    """

    id = "dmpo"
    paper = "arXiv:2410.16127"
    evidence = OFFICIAL_CODE
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 1.0

    def loss(self, responses: Scored, ranks: Tensor) -> Tensor:
        """The loss per prompt, [B]."""
        strength, group = self.beta * responses.logratio, responses.group
        picked = best_and_rest(ranks, group)
        return logistic(strength[picked.best] - rest_mean(strength, picked, group))
