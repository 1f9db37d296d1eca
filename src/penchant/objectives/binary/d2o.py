"""D²O: only bad responses are given; the model's own samples stand against them."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_mean
from penchant.objectives.functional.pairs import logistic

__all__ = ["D2O"]


class D2O(Objective):
    """Distributional Dispreference Optimization (Duan et al., 2024), eq. 6, with one reference.

    loss = −log σ((β/K) Σ_i d(y_i) − α d(y_bad)),   d = log π(y|x) − log π_ref(y|x)

    y_1 … y_K are the model's own samples for the prompt (field ``samples``), which stand for what it would say anyway,
    diluted by their number. The paper has a reference for each side; here both are the same model. With K = 1 and α = β
    it is DPO with the sample as the chosen response.

    Example:
        >>> import torch
        >>> one = torch.full((2, 1), -1.0)
        >>> both = Scored(one, one, one < 0, group=torch.tensor([0, 0]))
        >>> D2O()(bad=both.select(torch.tensor([0])), samples=both).values
        tensor([0.6931])

    Reference:
        Duan, Yi, Zhang, Lu, Xie, Gu (2024), Negating Negatives: Alignment without Human Positives via Distributional
        Dispreference Optimization.
    """

    id = "d2o"
    paper = "arXiv:2403.03419"
    evidence = PAPER
    tags = ("distribution",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "weight β of the samples' mean log-ratio, per nat"] = 0.1
    alpha: Annotated[float, Gt(0), "weight α of the bad response's log-ratio, per nat"] = 0.1

    def loss(self, bad: Scored, samples: Scored) -> Tensor:
        """The loss per prompt, [B]."""
        return logistic(self.beta * group_mean(samples.logratio, samples.group) - self.alpha * bad.logratio)
