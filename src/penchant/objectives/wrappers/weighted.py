"""Weighted: any objective with its losses multiplied by a record field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from torch import Tensor

from penchant.objectives.core.requirements import Requirements
from penchant.objectives.core.wrapper import Wrapper

__all__ = ["Weighted"]


class Weighted(Wrapper):
    """Multiplies each example's loss by a field of its record.

    loss = weight · loss

    Args:
        objective: the inner objective, whose losses are weighted.
        hyper: ``field``, the name of the record field.

    Example:
        >>> from penchant.objectives import NLL, Scored
        >>> import torch
        >>> view = Scored(torch.tensor([[-9.0], [-1.0]]), None, torch.ones(2, 1, dtype=torch.bool))
        >>> Weighted(NLL())(chosen=view, weight=torch.tensor([0.0, 2.0])).values
        tensor([0., 2.])
    """

    id = "weighted"
    tags = ("weighting",)

    field: Annotated[str, "name of the record field that holds the weight"] = "weight"

    @property
    def requirements(self) -> Requirements:
        """The requirements of the inner objective, and the field."""
        return self.objective.requirements | Requirements(views=(), fields=(self.field,))

    def loss(self, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The weighted losses, [B]."""
        result = self.objective.compute(inputs)
        return inputs[self.field] * result.values, result.statistics
