"""Robust preference optimization: a logistic loss and a bounded one, for hard and for soft labels."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["GROPO", "ROPO"]


class _ROPO(Objective):
    """The loss of a margin, which both methods share."""

    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    alpha: Annotated[float, Ge(0), "weight α of the bounded term, which forgives pairs that look mislabelled"] = 2.0
    gamma: Annotated[float, Ge(0), "weight γ of the logistic term"] = 0.1

    def _robust(self, margin: Tensor) -> Tensor:
        return self.gamma * logistic(margin) + self.alpha * torch.sigmoid(-margin)


class ROPO(_ROPO):
    """Robust Preference Optimization (Liang et al., 2024), its loss.

    loss = −γ log σ(β m) + α σ(−β m),   m = Δ_chosen − Δ_rejected,   Δ = log π(y|x) − log π_ref(y|x)   (summed, nats)

    The gradient of the bounded term vanishes where the policy disagrees strongly with the label. Only the loss is here,
    without the paper's filtering and sampling. Form and constants (α = 2, γ = 0.1) are from memory, with low
    confidence; the paper may weight the two terms by one constant.

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

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        return self._robust(self.beta * logratio_margin(chosen, rejected))


class GROPO(_ROPO):
    """Geometric ROPO (Furuta et al., 2024).

    loss = −γ log σ(z) + α σ(−z),   z = β (2 p − 1) (Δ_chosen − Δ_rejected),   Δ = log π(y|x) − log π_ref(y|x)

    p is the record's ``probability`` that chosen is preferred (Δ summed over tokens, nats). At p = 1 it is ``ropo``, at
    p = ½ a constant. The constants are from memory, with low confidence; no published code is known.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> GROPO()(chosen=equal, rejected=equal, probability=torch.tensor([0.8])).values
        tensor([1.0693])

    Reference:
        Furuta, Lee, Gu, Matsuo, Faust, Zen, Gur (2024), Geometric-Averaged Preference Optimization for Soft Preference
        Labels.
    """

    id = "gropo"
    paper = "arXiv:2409.06691"

    def loss(self, chosen: Scored, rejected: Scored, probability: Tensor) -> Tensor:
        """The loss of each pair, [B]."""
        return self._robust(self.beta * (2 * probability - 1) * logratio_margin(chosen, rejected))
