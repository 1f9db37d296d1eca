"""S-DPO: one preferred response against several in one softmax."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_log_softmax
from penchant.objectives.functional.lists import best_and_rest

__all__ = ["SoftmaxDPO"]


class SoftmaxDPO(Objective):
    """Softmax-DPO (Chen et al., 2024), eq. 9, as in its published code.

    loss = −log σ(−log Σ_i exp(s_i − s_w)) = log(1 + Σ_i exp(s_i − s_w)),   s = β (log π(y|x) − log π_ref(y|x))

    w is the response of the best rank, i runs over those ranked worse. The gradient weights negatives by their softmax,
    so hard ones count more. With one negative it is DPO.

    Example:
        >>> equal = torch.full((3, 1), -1.0)
        >>> three = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0, 0]))
        >>> SoftmaxDPO()(responses=three, ranks=torch.tensor([1.0, 2.0, 2.0])).values.exp()
        tensor([3.])

    Reference:
        Chen, Tan, Zhang, Yang, Sheng, Zhang, Wang, Chua (2024), On Softmax Direct Preference Optimization for
        Recommendation.
    """

    id = "s-dpo"
    paper = "arXiv:2406.09215"
    evidence = OFFICIAL_CODE
    tags = ("distribution",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1

    def loss(self, responses: Scored, ranks: Tensor) -> Tensor:
        """The loss per prompt, [B]; 0 for a list whose ranks are all equal."""
        strength, group = self.beta * responses.logratio, responses.group
        picked = best_and_rest(ranks, group)
        kept = picked.rest.index_fill(0, picked.best, True)
        share = group_log_softmax(torch.where(kept, strength, float("-inf")), group)
        return -share[picked.best]
