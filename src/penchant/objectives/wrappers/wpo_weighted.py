"""WPOWeighted: WPO's on-policy weights for any pairwise loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import PairWrapper
from penchant.objectives.functional.on_policy_weights import Alignment, alignment_needs, pair_weight

__all__ = ["WPOWeighted"]


class WPOWeighted(PairWrapper):
    """On-policy weights of WPO (Zhou et al., 2024) for any pairwise loss: pairs that the policy finds likely count
    more.

    loss = w loss,   w = min(1, exp(A(y_chosen) + A(y_rejected))),   A(y) = (1 / |y|) Σ_t [log π(y_t) − log Σ_v π(v)²]

    w carries no gradient. With ``alignment``, max_v π(v) (greedy) or 1 (none) replaces Σ_v π(v)².
    ``wpo-weighted(dpo)`` is WPO.

    Args:
        objective: a pairwise objective.
        hyper: ``alignment``.

    Raises:
        ConfigurationError: the inner objective does not compare pairs.

    Example:
        >>> import torch
        >>> from penchant.objectives import DPO
        >>> quarter = torch.full((1, 2), 0.25)
        >>> view = Scored(quarter.log(), quarter.log(), quarter > 0, stats={"sum_p2": 4 * quarter})
        >>> WPOWeighted(DPO())(chosen=view, rejected=view).statistics["weight"]
        tensor([0.0625])

    Reference:
        Zhou et al. (2024), WPO: Enhancing RLHF with Weighted Preference Optimization.
    """

    id = "wpo-weighted"
    paper = "arXiv:2406.11827"
    evidence = PAPER
    tags = ("weighting", "robust")
    exempt = Exempt(value_gradient="the weight of a pair carries no gradient")
    needs = Needs(stats=frozenset({"sum_p2"}))

    alignment: Annotated[Alignment, "reference value for a token's probability"] = "sampled"

    def __init__(self, objective: Objective, **hyper: Any) -> None:
        super().__init__(objective, **hyper)
        self.needs = objective.requirements.needs | alignment_needs(self.alignment)

    def loss(self, chosen: Scored, rejected: Scored, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The weighted losses, [B], and the ``weight`` of each pair."""
        weight = pair_weight(chosen, rejected, self.alignment)
        result = self.objective.compute({"chosen": chosen, "rejected": rejected, **inputs})
        return weight * result.values, {**result.statistics, "weight": weight}
