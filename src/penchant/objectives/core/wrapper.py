"""Objectives around another objective: its losses clipped, or weighted by a field of the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.composite import Composite, components_of
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Requirements, read_signature
from penchant.objectives.core.scored import Scored

__all__ = ["Clipped", "PairWrapper", "Weighted", "Wrapper"]


class Wrapper(Composite):
    """An objective around another: it asks for what that asks for and what its own ``loss`` names beside it.

    A subclass has an ``id``, under which it is written as text (``"clipped(dpo)"``), hyper-parameters, and a ``loss``
    that takes all other inputs as ``**inputs`` and hands them on with ``self.objective.compute(inputs)``.

    Args:
        objective: the one inside.
        hyper: the wrapper's own hyper-parameters by name.

    Example:
        >>> from penchant.objectives import DPO
        >>> Clipped(DPO(), high=4.0).id
        'clipped(dpo)'
    """

    def __init__(self, objective: Objective, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.id = f"{type(self).id or type(self).__name__.lower()}({objective.id})"
        self.paper = ", ".join(dict.fromkeys(each for each in (type(self).paper, objective.paper) if each))
        self.objective = objective
        self.batch_coupled = objective.batch_coupled
        self.needs = type(self).needs | objective.requirements.needs

    @property
    def components(self) -> list[Objective]:
        """The wrapper, then what is inside."""
        return [self, *components_of(self.objective)]

    @property
    def requirements(self) -> Requirements:
        """What the objective inside asks for, and what the wrapper's own loss names."""
        return self.objective.requirements | read_signature(type(self).loss, self.needs)

    def rewards(self, view: Scored) -> Tensor | None:
        """The implicit reward of the objective inside, [R]."""
        return self.objective.rewards(view)

    def __repr__(self) -> str:
        own = self.extra_repr()
        return f"{type(self).__name__}({self.objective!r}{', ' if own else ''}{own})"


class PairWrapper(Wrapper):
    """An objective around one of pairs.

    Args:
        objective: the one inside; it asks for ``chosen`` and ``rejected``.
        hyper: the wrapper's own hyper-parameters by name.

    Raises:
        ConfigurationError: the objective inside is none of pairs.

    Example:
        >>> from penchant.objectives import DPO, TailWeighted
        >>> isinstance(TailWeighted(DPO()), PairWrapper)
        True
    """

    def __init__(self, objective: Objective, **hyper: Any) -> None:
        super().__init__(objective, **hyper)
        views = objective.requirements.views
        if not {"chosen", "rejected"} <= set(views):
            raise ConfigurationError(
                f"{objective.id!r} asks for {', '.join(views)}, expected 'chosen' and 'rejected' among them.",
                why="This goes around objectives of pairs.",
                where=self.id,
                fix="`penchant methods --family pairwise` lists them.",
            )


class Clipped(Wrapper):
    """Each example's loss held between two bounds; outside them it has no gradient.

    loss = min(max(loss, low), high)

    Args:
        objective: whose losses are clipped.
        hyper: ``low`` and ``high``, either may be None.

    Raises:
        ConfigurationError: ``low`` is not below ``high``.

    Example:
        >>> from penchant.objectives import NLL
        >>> import torch
        >>> view = Scored(torch.tensor([[-9.0], [-1.0]]), None, torch.ones(2, 1, dtype=torch.bool))
        >>> Clipped(NLL(), high=5.0)(chosen=view).values
        tensor([5., 1.])
    """

    id = "clipped"

    low: Annotated[float | None, "losses below it count as it"] = None
    high: Annotated[float | None, "losses above it count as it"] = None

    def __init__(self, objective: Objective, **hyper: Any) -> None:
        super().__init__(objective, **hyper)
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ConfigurationError(
                f"'low' is {self.low} and 'high' is {self.high}, expected low < high.", where=self.id
            )

    def loss(self, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The clipped losses, [B], and which were clipped (0 or 1)."""
        result = self.objective.compute(inputs)
        if self.low is None and self.high is None:
            return result.values, result.statistics
        values = result.values.clamp(self.low, self.high)
        return values, {**result.statistics, "clipped": (values != result.values).to(values.dtype)}


class Weighted(Wrapper):
    """Each example's loss multiplied by a field of its record.

    loss = weight · loss

    Args:
        objective: whose losses are weighted.
        hyper: ``field``, the name of the record's field.

    Example:
        >>> from penchant.objectives import NLL
        >>> import torch
        >>> view = Scored(torch.tensor([[-9.0], [-1.0]]), None, torch.ones(2, 1, dtype=torch.bool))
        >>> Weighted(NLL())(chosen=view, weight=torch.tensor([0.0, 2.0])).values
        tensor([0., 2.])
    """

    id = "weighted"

    field: Annotated[str, "name of the record's field that holds the weight"] = "weight"

    @property
    def requirements(self) -> Requirements:
        """What the objective inside asks for, and the field."""
        return self.objective.requirements | Requirements(views=(), fields=(self.field,))

    def loss(self, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The weighted losses, [B]."""
        result = self.objective.compute(inputs)
        return inputs[self.field] * result.values, result.statistics
