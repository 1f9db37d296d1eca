"""`SecondAdapter`: a frozen copy of a policy with an adapter, which shares all weights that are not trained."""

from __future__ import annotations

import contextlib
import copy

from torch import nn

from penchant.likelihood.forest_scorer import ForestScorer
from penchant.likelihood.references.initial import InitialReference

__all__ = ["SecondAdapter", "twin_of"]


class SecondAdapter(InitialReference):
    """The policy as it is now, with an adapter of its own: what the policy trains is copied, all else is shared.

    So the reference of an online run can follow the policy between rounds at the cost of an adapter, not of a model.

    Args:
        scorer: the policy, a model with an adapter.
    """

    def __init__(self, scorer: ForestScorer) -> None:
        scorer.close()
        try:
            twin = twin_of(scorer.model)
        finally:
            scorer.open()
        self.shared, self.at_start = False, contextlib.nullcontext
        self.scorer = ForestScorer(twin, scorer.attention, scorer.chunk_rows)
        self.scorer.temperature = scorer.temperature
        self.frozen = twin


def twin_of(model: nn.Module) -> nn.Module:
    """A frozen copy of a model that holds the same tensors wherever the model is not trained.

    Args:
        model: stays as it is.

    Example:
        >>> layers = nn.Sequential(nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2))
        >>> twin = twin_of(layers)
        >>> twin[0].weight is layers[0].weight, twin[1].weight is layers[1].weight
        (True, False)
    """
    shared = {id(weight): weight for weight in model.parameters() if not weight.requires_grad}
    return copy.deepcopy(model, shared).eval().requires_grad_(False)
