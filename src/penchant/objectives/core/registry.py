"""Every objective by its id, found without a list to keep: defining the class is registering it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.errors import ConfigurationError, nearest
from penchant.registry import Registry

if TYPE_CHECKING:
    from penchant.objectives.core.objective import Objective

__all__ = ["OBJECTIVES", "build", "by_class_name", "by_family", "families", "get", "names", "register", "wrapper_names"]

#: The family of what is written around another objective.
COMPOSITE = "composite"

#: All objectives by id; defining a class that has one adds it.
OBJECTIVES: Registry[type[Objective]] = Registry("objective", "penchant.objectives")


def register(cls: type[Objective]) -> None:
    """Make an objective known under its id; the base class calls this for every subclass that has one.

    Args:
        cls: the objective; its ``id`` is lower case, words joined by hyphens.

    Raises:
        ConfigurationError: the id is malformed, or taken by another class.

    Example:
        >>> register(get("dpo"))  # the same class again is no conflict
    """
    OBJECTIVES.add(cls.id, cls)


def names() -> list[str]:
    """The ids of all objectives, sorted; those that go around another are in `wrapper_names`.

    Example:
        >>> "dpo" in names(), "clipped" in names()
        (True, False)
    """
    return [cls.id for cls in OBJECTIVES.things() if cls.family != COMPOSITE]


def wrapper_names() -> list[str]:
    """The ids of what is written around another objective, as in ``"clipped(dpo)"``, sorted.

    Example:
        >>> "clipped" in wrapper_names()
        True
    """
    return by_family(COMPOSITE)


def families(cls: type[Objective]) -> tuple[str, ...]:
    """The families that an objective belongs to; its ``family`` may name several, ``"pairwise / listwise"``.

    Args:
        cls: the objective's class.

    Example:
        >>> families(get("dpo"))
        ('pairwise',)
    """
    return tuple(each.strip() for each in cls.family.split("/"))


def by_family(family: str) -> list[str]:
    """The ids of the objectives of one family, sorted.

    Args:
        family: for example ``"pairwise"``.

    Raises:
        ConfigurationError: no objective is of that family.

    Example:
        >>> "ipo" in by_family("pairwise")
        True
    """
    every = OBJECTIVES.things()
    chosen = [cls.id for cls in every if family in families(cls)]
    if not chosen:
        known = {each for cls in every for each in families(cls)}
        raise ConfigurationError(f"No objective is of the family {family!r}. {nearest(family, known)}")
    return chosen


def get(name: str) -> type[Objective]:
    """The class of the objective with the id ``name``.

    Args:
        name: an id such as ``"dpo"``.

    Raises:
        ConfigurationError: there is none; the nearest id is named.

    Example:
        >>> get("dpo").paper
        'arXiv:2305.18290'
    """
    return OBJECTIVES.get(name)


def by_class_name(name: str) -> type[Objective]:
    """The objective whose class is called ``name``, so that ``penchant.objectives.DPO`` needs no list of imports.

    Args:
        name: the name of a class that this package defines.

    Raises:
        AttributeError: there is none.

    Example:
        >>> by_class_name("DPO").id
        'dpo'
    """
    if not name.startswith("_"):
        for cls in OBJECTIVES.things():
            if cls.__name__ == name and cls.__module__.startswith("penchant.objectives."):
                return cls
    raise AttributeError(f"module 'penchant.objectives' has no attribute {name!r}")


def build(name: str, **hyper: Any) -> Objective:
    """Build an objective from its name: one method, a weighted sum, an objective around another, or all of these.

    Of several parts, a hyper-parameter goes to the one that has it; where several have it, it is written with the
    part's id, as in ``{"dpo.beta": 0.1}``.

    Args:
        name: an id such as ``"dpo"``, a sum such as ``"dpo+0.2*nll"``, or ``"tail-weighted(rdpo)+0.2*nll"``.
        hyper: hyper-parameters by name.

    Raises:
        ConfigurationError: an unknown id or hyper-parameter, or a value out of its range.

    Example:
        >>> build("dpo", beta=0.2)
        DPO(beta=0.2, reference_free=False)
        >>> build("dpo + 0.2*nll", beta=0.2).id
        'dpo+0.2*nll'
        >>> build("clipped(dpo)", high=4.0, beta=0.2)
        Clipped(DPO(beta=0.2, reference_free=False), low=None, high=4.0)
    """
    if any(sign in name for sign in "+*()") or (name in OBJECTIVES and OBJECTIVES.get(name).family == COMPOSITE):
        from penchant.objectives.core.expression import build_expression  # expressions build on this file

        return build_expression(name, hyper)
    return get(name)(**hyper)
