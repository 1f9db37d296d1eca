"""Every objective by its id, found without a list to keep: defining the class is registering it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from penchant.errors import ConfigurationError, nearest
from penchant.objectives.core.family import FAMILIES, WRAPPERS
from penchant.objectives.core.tags import TAGS
from penchant.registry import Registry

if TYPE_CHECKING:
    from penchant.objectives.core.objective import Objective

__all__ = [
    "OBJECTIVES",
    "aliases",
    "by_class_name",
    "by_family",
    "by_tag",
    "families",
    "get",
    "is_method",
    "names",
    "register",
    "wrapper_names",
]

#: All objectives by id; defining a class that has one adds it.
OBJECTIVES: Registry[type[Objective]] = Registry("objective", "penchant.objectives")


def register(cls: type[Objective]) -> None:
    """Make an objective known under its id and aliases; the base class calls this for every subclass that has an id.

    Args:
        cls: the objective; its ``id`` is lower case, words joined by hyphens.

    Raises:
        ConfigurationError: the id is malformed, or taken by another class.

    Example:
        >>> register(get("dpo"))  # the same class again is no conflict
    """
    OBJECTIVES.add(cls.id, cls, cls.aliases)


def names() -> list[str]:
    """The ids of all methods, sorted, without aliases; what goes around a method is in `wrapper_names`.

    Example:
        >>> "dpo" in names(), "clipped" in names()
        (True, False)
    """
    return [cls.id for cls in OBJECTIVES.things() if not _wraps(cls)]


def wrapper_names() -> list[str]:
    """The ids of what is written around another objective, as in ``"clipped(dpo)"``, sorted.

    Example:
        >>> "clipped" in wrapper_names()
        True
    """
    return [cls.id for cls in OBJECTIVES.things() if _wraps(cls)]


def aliases() -> dict[str, str]:
    """Each further name of a method with its id: names under which papers publish the same formula.

    Example:
        >>> aliases()["infonca"]
        'dpo'
    """
    return OBJECTIVES.aliases()


def is_method(name: str) -> bool:
    """Whether ``name`` is the id or an alias of a method that stands alone.

    Example:
        >>> is_method("dpo"), is_method("infonca"), is_method("clipped"), is_method("dpo+nll")
        (True, True, False, False)
    """
    return name in OBJECTIVES and not _wraps(OBJECTIVES.get(name))


def _wraps(cls: type[Objective]) -> bool:
    # Read without asking: the family of a method is found by building one.
    return bool(inspect.getattr_static(cls, "family") == WRAPPERS)


def families() -> list[str]:
    """The families that have methods, in the order of their description.

    Example:
        >>> "pairwise" in families()
        True
    """
    found = {cls.family for cls in OBJECTIVES.things()}
    return [family for family in FAMILIES if family in found]


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
    chosen = [cls.id for cls in OBJECTIVES.things() if cls.family == family]
    if not chosen:
        raise ConfigurationError(f"No objective is of the family {family!r}. {nearest(family, families())}")
    return chosen


def by_tag(tag: str) -> list[str]:
    """The ids of the objectives that carry a tag, sorted.

    Args:
        tag: for example ``"robust"``; `penchant.objectives.core.tags.TAGS` has them all.

    Raises:
        ConfigurationError: there is no such tag, or no objective carries it.

    Example:
        >>> "rdpo" in by_tag("robust")
        True
    """
    chosen = [cls.id for cls in OBJECTIVES.things() if tag in cls.tags]
    if not chosen:
        hint = "It is in the vocabulary." if tag in TAGS else nearest(tag, TAGS)
        raise ConfigurationError(f"No objective has the tag {tag!r}. {hint}")
    return chosen


def get(name: str) -> type[Objective]:
    """The class of the objective with the id or alias ``name``.

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
