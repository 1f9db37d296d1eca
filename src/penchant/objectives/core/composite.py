"""Base class of objectives built from other objectives: labelled parts and their hyper-parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penchant.errors import ConfigurationError
from penchant.objectives.core.family import WRAPPERS
from penchant.objectives.core.objective import Objective

__all__ = ["Composite", "components_of", "labels_of", "reward_part"]


def labels_of(ids: Sequence[str]) -> list[str]:
    """A distinct label for each part: its id, numbered from the second part with the same id on.

    Args:
        ids: the ids of the parts in order.

    Example:
        >>> labels_of(["dpo", "nll", "dpo"])
        ['dpo', 'nll', 'dpo#2']
    """
    counts = [ids[: place + 1].count(name) for place, name in enumerate(ids)]
    return [name if count == 1 else f"{name}#{count}" for name, count in zip(ids, counts, strict=True)]


class Composite(Objective):
    """An objective built from other objectives, nested to any depth.

    ``components`` lists all its parts in the order of its id. Each part has a label, which prefixes its
    hyper-parameters, so ``build(objective.id, **objective.hyper)`` builds an equal objective.

    Example:
        >>> from penchant.objectives import build
        >>> build("clipped(dpo)+nll").components[0]
        Clipped(DPO(beta=0.1, reference_free=False), low=None, high=None)
    """

    family = WRAPPERS

    @property
    def components(self) -> list[Objective]:
        """The parts with their own hyper-parameters, including this objective, in the order of its id."""
        raise NotImplementedError(f"{type(self).__name__} does not define `components`.")

    @property
    def hyper(self) -> dict[str, Any]:
        """The hyper-parameters of all components, each under ``label.name``."""
        labels = labels_of([type(part).id or type(part).__name__ for part in self.components])
        labelled = zip(labels, self.components, strict=True)
        return {f"{label}.{name}": value for label, part in labelled for name, value in _own_hyper(part).items()}


def components_of(objective: Objective) -> list[Objective]:
    """The parts of an objective that have their own hyper-parameters; a plain method is its only part.

    Args:
        objective: any objective.

    Example:
        >>> from penchant.objectives import build
        >>> [type(part).id for part in components_of(build("clipped(dpo)"))], len(components_of(build("dpo")))
        (['clipped', 'dpo'], 1)
    """
    return objective.components if isinstance(objective, Composite) else [objective]


def reward_part(objective: Objective) -> Objective | None:
    """The method that trains a reward model: the objective, or what wrappers and a factor are around; else None.

    Args:
        objective: any objective.

    Raises:
        ConfigurationError: it is a sum of a reward model and something else, whose head no saved folder would hold.

    Example:
        >>> from penchant.objectives import build
        >>> reward_part(build("weighted(bt)")).id, reward_part(build("dpo"))
        ('bt-reward-model', None)
    """
    methods = [each for each in components_of(objective) if not isinstance(each, Composite)]
    found = [each for each in methods if hasattr(each, "reward_head")]
    if found and len(methods) > 1:
        raise ConfigurationError(
            f"{found[0].id} trains a reward model, and {objective.id} adds another loss to it: the saved folder would "
            "hold one of the two.",
            where="objective",
            fix=f"Train {found[0].id} alone, or in a second run from the model of the other loss.",
        )
    return found[0] if found else None


def _own_hyper(objective: Objective) -> dict[str, Any]:
    # A composite's `hyper` covers everything inside it; its own values are those the base class reads from its fields.
    return super(Composite, objective).hyper if isinstance(objective, Composite) else objective.hyper
