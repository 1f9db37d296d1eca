"""Robust Preference Optimization (ROPO): a logistic loss plus a bounded loss that limits the effect of wrong labels."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import bounded_logistic, logratio_margin

__all__ = ["ROPO"]


class ROPO(Objective):
    """Robust Preference Optimization, ROPO (Liang et al., 2024), the loss only.

    loss = −γ log σ(β m) + α σ(−β m),   m = Δ_chosen − Δ_rejected,   Δ = log π(y|x) − log π_ref(y|x)   (summed, nats)

    The gradient of the bounded term vanishes if the policy strongly disagrees with the label. The filtering and
    sampling of the paper are not part of it.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> ROPO()(chosen=equal, rejected=equal).values  # 0.1 log 2 + 2 / 2
        tensor([1.0693])

    Reference:
        Liang, Chen, Qiu, Wang, Wu, Fu, Shi, Wu, Ye (2024), ROPO: Robust Preference Optimization for Large Language
        Models.
    """

    id = "ropo"
    paper = "arXiv:2404.04102"
    evidence = reconstruction(
        "The form and its constants (α = 2, γ = 0.1) are our reading; the paper may weight both terms by the same "
        "constant."
    )
    tags = ("noise", "robust")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    alpha: Annotated[float, Ge(0), "weight α of the bounded term, which limits the effect of mislabelled pairs"] = 2.0
    gamma: Annotated[float, Ge(0), "weight γ of the logistic term"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        margin = self.beta * logratio_margin(chosen, rejected)
        return bounded_logistic(margin, self.gamma, self.alpha)
