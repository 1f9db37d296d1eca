"""Unpaired APO-zero: desirable responses become likelier than under the reference, undesirable ones less likely."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.class_weights import ClassWeight
from penchant.objectives.functional.utilities import kahneman_tversky

__all__ = ["APOZeroUnpaired"]


class APOZeroUnpaired(Objective):
    """Anchored Preference Optimization on single responses (D'Oosterlinck et al., 2024), as in TRL.

    loss = λ (1 − σ(±β d)),   d = log π(y|x) − log π_ref(y|x)

    KTO with the reference point 0: no mismatched responses are scored, and examples are independent.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((2, 1), -1.0), torch.full((2, 1), -1.0), torch.ones(2, 1, dtype=torch.bool))
        >>> APOZeroUnpaired()(responses=equal, label=torch.tensor([1.0, 0.0])).values
        tensor([0.5000, 0.5000])

    Reference:
        D'Oosterlinck et al. (2024), Anchored Preference Optimization and Contrastive Revisions.
    """

    id = "apo-zero-unpaired"
    paper = "arXiv:2408.06266"
    evidence = PAPER
    tags = ("utility",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "slope of the value function, per nat"] = 0.1
    desirable_weight: Annotated[ClassWeight, "weight λ_D of desirable responses; auto balances the classes"] = 1.0
    undesirable_weight: Annotated[ClassWeight, "weight λ_U of undesirable responses; auto balances the classes"] = 1.0

    def loss(self, responses: Scored, label: Tensor) -> Tensor:
        """The loss per response, [B]."""
        gain = responses.logratio
        return kahneman_tversky(gain, label, self.beta, self.desirable_weight, self.undesirable_weight)
