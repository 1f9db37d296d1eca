"""Shapes of feedback: the registry of metrics by shape, and the scored batch that they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from torch import Tensor

from penchant.evaluation.tally import Tally
from penchant.feedback.views.view import find_view
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.registry import Registry

__all__ = ["SHAPES", "Measured", "Shape"]


class Measured(NamedTuple):
    """A scored batch, as the shapes see it.

    Args:
        tally: collects the metrics.
        objective: computes the implicit rewards.
        views: the scored views, without those of the step.
        fields: the records' fields.
        counted: [B] 1 for examples with weight above 0, else 0.
    """

    tally: Tally
    objective: Objective
    views: Mapping[str, Scored]
    fields: Mapping[str, Tensor]
    counted: Tensor

    def of_shape(self, shape: str) -> Iterator[tuple[str, Scored, Tensor]]:
        """Each view of a shape: its name, the view, and [R] whether each response counts."""
        for name, scored in self.views.items():
            if shape in find_view(name).shapes:
                yield name, scored, self.counted[scored.group]


#: Adds the metrics of one shape.
Shape: TypeAlias = Callable[[Measured], None]

#: The metrics of each shape by name.
SHAPES: Registry[Shape] = Registry("metrics shape", "penchant.evaluation.shapes")
