"""Weighted sums of objectives (``DPO() + 0.2 * NLL()``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.composite import Composite, components_of, labels_of
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Requirements
from penchant.objectives.core.scored import Scored

__all__ = ["WeightedSum"]


def _written(weight: float, part: Objective) -> str:
    return f"{repr(weight).removesuffix('.0').replace('e+', 'e')}*{part.id}"


class WeightedSum(Composite):
    """A weighted sum of objectives, itself an objective.

    loss = Σ_k w_k loss_k

    Nested sums are flattened. A sum needs everything that its parts need. Statistics are prefixed with the part's id,
    ``dpo/name``, and include each part's own loss. The implicit reward is that of the first part that has one.

    Args:
        terms: pairs of a weight and an objective.

    Raises:
        ConfigurationError: there are no terms, or a weight is not finite.

    Example:
        >>> from penchant.objectives import DPO, NLL
        >>> DPO(beta=0.2) + 0.5 * NLL()
        WeightedSum(DPO(beta=0.2, reference_free=False) + 0.5 * NLL(average=True))
    """

    def __init__(self, terms: Sequence[tuple[float, Objective]]) -> None:
        super().__init__()
        if not terms:
            raise ConfigurationError("A weighted sum needs at least one objective.")
        opened = [(weight * inner, part) for weight, each in terms for inner, part in _terms(each)]
        self.weights = [float(weight) for weight, _ in opened]
        if not all(abs(weight) < float("inf") for weight in self.weights):
            raise ConfigurationError(f"The weights of a sum are {self.weights}, expected finite numbers.")
        self.parts = torch.nn.ModuleList([part for _, part in opened])
        # A sum of one term keeps its weight in the id, even 1, so its id differs from that of the term.
        self.id = "+".join(
            part.id if weight == 1 and len(opened) > 1 else _written(weight, part)
            for weight, part in zip(self.weights, self.objectives, strict=True)
        )
        self.batch_coupled = any(part.batch_coupled for part in self.objectives)
        self.needs = self.requirements.needs

    @property
    def objectives(self) -> list[Objective]:
        """The parts in order."""
        return list(self.parts)  # type: ignore[arg-type]  # torch does not say what a ModuleList holds

    @property
    def labels(self) -> list[str]:
        """A distinct label for each part: its id, numbered if it is repeated (``dpo#2``)."""
        return labels_of([part.id for part in self.objectives])

    @property
    def components(self) -> list[Objective]:
        """The components of all parts."""
        return [each for part in self.objectives for each in components_of(part)]

    @property
    def requirements(self) -> Requirements:
        """All views and fields that any part reads; optional only if no part requires them."""
        wanted = self.objectives[0].requirements
        for part in self.objectives[1:]:
            wanted = wanted | part.requirements
        return wanted

    def loss(self, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The weighted sum of the parts' losses, [B], and the parts' losses and statistics."""
        total: Tensor | float = 0.0
        statistics: dict[str, Tensor] = {}
        for label, weight, part in zip(self.labels, self.weights, self.objectives, strict=True):
            result = part.compute(inputs)
            total = total + weight * result.values
            statistics[f"{label}/loss"] = result.values
            statistics.update({f"{label}/{name}": each for name, each in result.statistics.items()})
        assert isinstance(total, Tensor)
        return total, statistics

    def rewards(self, view: Scored) -> Tensor | None:
        """The implicit reward of the first part that implies one, [R]."""
        found = (part.rewards(view) for part in self.objectives)
        return next((each for each in found if each is not None), None)

    def __repr__(self) -> str:
        terms = zip(self.weights, self.objectives, strict=True)
        return f"WeightedSum({' + '.join(repr(o) if w == 1 else f'{w:g} * {o!r}' for w, o in terms)})"


def _terms(objective: Objective) -> list[tuple[float, Objective]]:
    if isinstance(objective, WeightedSum):
        return list(zip(objective.weights, objective.objectives, strict=True))
    return [(1.0, objective)]


Objective.summed = WeightedSum
