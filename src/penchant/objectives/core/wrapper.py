"""Base classes of wrappers: objectives that transform another objective."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.composite import Composite, components_of
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Requirements, read_signature
from penchant.objectives.core.scored import Scored

__all__ = ["PairWrapper", "Wrapper"]


class Wrapper(Composite):
    """An objective that transforms another; it needs what the inner objective needs, and what its own ``loss`` names.

    A subclass has an ``id``, used in expressions (``"clipped(dpo)"``), hyper-parameters, and a ``loss`` that takes all
    other inputs as ``**inputs`` and passes them to ``self.objective.compute(inputs)``.

    Args:
        objective: the inner objective.
        hyper: the wrapper's own hyper-parameters by name.

    Example:
        >>> from penchant.objectives import DPO, Clipped
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
        """The wrapper, then the components of the inner objective."""
        return [self, *components_of(self.objective)]

    @property
    def requirements(self) -> Requirements:
        """The requirements of the inner objective, and what the wrapper's own loss names."""
        return self.objective.requirements | read_signature(type(self).loss, self.needs)

    def rewards(self, view: Scored) -> Tensor | None:
        """The implicit reward of the inner objective, [R]."""
        return self.objective.rewards(view)

    def __repr__(self) -> str:
        own = self.extra_repr()
        return f"{type(self).__name__}({self.objective!r}{', ' if own else ''}{own})"


class PairWrapper(Wrapper):
    """A wrapper of pairwise losses.

    Args:
        objective: the inner objective; it reads ``chosen`` and ``rejected``.
        hyper: the wrapper's own hyper-parameters by name.

    Raises:
        ConfigurationError: the inner objective does not compare pairs.

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
                f"{objective.id!r} reads {', '.join(views)}, expected 'chosen' and 'rejected' among them.",
                why="This wrapper is for pairwise losses.",
                where=self.id,
                fix="`penchant methods --family pairwise` lists them.",
            )
