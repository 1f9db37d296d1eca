"""TailWeighted: LD-DPO's tail weighting for any pairwise loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Interval
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import PairWrapper
from penchant.objectives.functional.tails import tail_weighted

__all__ = ["TailWeighted"]


class TailWeighted(PairWrapper):
    """Tail weighting of LD-DPO (Liu et al., 2024) for any pairwise loss: tokens beyond the shared length count less.

    loss = loss(views),   log π(y|x) ← Σ_{t ≤ m} log π(y_t) + α Σ_{t > m} log π(y_t)
    m = min(|y_chosen|, |y_rejected|)   (tokens)

    Only the longer response of a pair has a tail. Means over tokens become weighted means. Other views of the inner
    objective and the logged implicit reward do not change. ``tail-weighted(dpo)`` is LD-DPO.

    Args:
        objective: a pairwise objective.
        hyper: ``alpha`` and ``apply_to_reference``.

    Raises:
        ConfigurationError: the inner objective does not compare pairs.

    Example:
        >>> import torch
        >>> from penchant.objectives import DPO
        >>> long = Scored(torch.zeros(1, 3), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> short = Scored(torch.zeros(1, 1), torch.full((1, 1), -1.0), torch.ones(1, 1, dtype=torch.bool))
        >>> TailWeighted(DPO(), alpha=0.0)(chosen=long, rejected=short).values
        tensor([0.6931])

    Reference:
        Liu et al. (2024), Length Desensitization in Direct Preference Optimization.
    """

    id = "tail-weighted"
    paper = "arXiv:2409.06411"
    evidence = PAPER
    tags = ("length",)

    alpha: Annotated[float, Interval(ge=0, le=1), "weight of the tokens beyond the shorter response's length"] = 0.5
    apply_to_reference: Annotated[bool, "weight the reference's tokens too"] = True

    def loss(self, chosen: Scored, rejected: Scored, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The losses of the inner objective on weighted responses, [B]."""
        chosen, rejected = tail_weighted(chosen, rejected, self.alpha, self.apply_to_reference)
        result = self.objective.compute({"chosen": chosen, "rejected": rejected, **inputs})
        return result.values, result.statistics
