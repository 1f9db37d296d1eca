"""What objectives that are made of others have in common: parts with labels, and the hyper-parameters of all parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penchant.objectives.core.family import WRAPPERS
from penchant.objectives.core.objective import Objective

__all__ = ["Composite", "components_of", "labels_of"]


def labels_of(ids: Sequence[str]) -> list[str]:
    """A distinct name for each part: its id, from the second of the same id on with its number.

    Args:
        ids: the ids of the parts in order.

    Example:
        >>> labels_of(["dpo", "nll", "dpo"])
        ['dpo', 'nll', 'dpo#2']
    """
    counts = [ids[: place + 1].count(name) for place, name in enumerate(ids)]
    return [name if count == 1 else f"{name}#{count}" for name, count in zip(ids, counts, strict=True)]


class Composite(Objective):
    """An objective made of others, as deep as one likes.

    ``components`` are all its parts in the order in which its id names them; each has a label, and under it its
    hyper-parameters, so that ``build(objective.id, **objective.hyper)`` builds the same again.

    Example:
        >>> from penchant.objectives import build
        >>> build("clipped(dpo)+nll").components[0]
        Clipped(DPO(beta=0.1, reference_free=False), low=None, high=None)
    """

    family = WRAPPERS

    @property
    def components(self) -> list[Objective]:
        """The parts that have hyper-parameters of their own, this objective among them, in the order of its id."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it is made of.")

    @property
    def hyper(self) -> dict[str, Any]:
        """The hyper-parameters of all components, each under ``label.name``."""
        labels = labels_of([type(part).id or type(part).__name__ for part in self.components])
        labelled = zip(labels, self.components, strict=True)
        return {f"{label}.{name}": value for label, part in labelled for name, value in _own_hyper(part).items()}


def components_of(objective: Objective) -> list[Objective]:
    """The parts of any objective that have hyper-parameters of their own; a plain method is its only one.

    Args:
        objective: any.

    Example:
        >>> from penchant.objectives import build
        >>> [type(part).id for part in components_of(build("clipped(dpo)"))], len(components_of(build("dpo")))
        (['clipped', 'dpo'], 1)
    """
    return objective.components if isinstance(objective, Composite) else [objective]


def _own_hyper(objective: Objective) -> dict[str, Any]:
    # A composite's `hyper` is that of everything inside; its own is what the base class reads from its fields.
    return super(Composite, objective).hyper if isinstance(objective, Composite) else objective.hyper
