"""The registry of objectives by id; defining a class registers it."""

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

#: All objectives by id; defining a class with an id adds it.
OBJECTIVES: Registry[type[Objective]] = Registry("objective", "penchant.objectives", group="penchant.objectives")


def register(cls: type[Objective]) -> None:
    """Register an objective under its id and aliases; the base class calls this for every subclass with an id.

    Args:
        cls: the objective; its ``id`` is lower case, words joined by hyphens.

    Raises:
        ConfigurationError: the id is malformed, or taken by another class.

    Example:
        >>> register(get("dpo"))  # the same class again is no conflict
    """
    OBJECTIVES.add(cls.id, cls, cls.aliases)


def names() -> list[str]:
    """The ids of all methods, sorted, without aliases; wrappers are in `wrapper_names`.

    Example:
        >>> "dpo" in names(), "clipped" in names()
        (True, False)
    """
    return [cls.id for cls in OBJECTIVES.things() if not _wraps(cls)]


def wrapper_names() -> list[str]:
    """The ids of all wrappers, as in ``"clipped(dpo)"``, sorted.

    Example:
        >>> "clipped" in wrapper_names()
        True
    """
    return [cls.id for cls in OBJECTIVES.things() if _wraps(cls)]


def aliases() -> dict[str, str]:
    """The id of each alias: another name under which a paper publishes the same formula.

    Example:
        >>> aliases()["infonca"]
        'dpo'
    """
    return OBJECTIVES.aliases()


def is_method(name: str) -> bool:
    """Whether ``name`` is the id or an alias of a method, not of a wrapper.

    Example:
        >>> is_method("dpo"), is_method("infonca"), is_method("clipped"), is_method("dpo+nll")
        (True, True, False, False)
    """
    return name in OBJECTIVES and not _wraps(OBJECTIVES.get(name))


def _wraps(cls: type[Objective]) -> bool:
    # Read from the class dictionary: the descriptor would build the objective to find its family.
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
        ConfigurationError: there is no objective of that family.

    Example:
        >>> "ipo" in by_family("pairwise")
        True
    """
    chosen = [cls.id for cls in OBJECTIVES.things() if cls.family == family]
    if not chosen:
        raise ConfigurationError(f"There is no objective of the family {family!r}. {nearest(family, families())}")
    return chosen


def by_tag(tag: str) -> list[str]:
    """The ids of the objectives that carry a tag, sorted.

    Args:
        tag: for example ``"robust"``; `penchant.objectives.core.tags.TAGS` lists all tags.

    Raises:
        ConfigurationError: there is no such tag, or no objective carries it.

    Example:
        >>> "rdpo" in by_tag("robust")
        True
    """
    chosen = [cls.id for cls in OBJECTIVES.things() if tag in cls.tags]
    if not chosen:
        hint = "It is a known tag without objectives." if tag in TAGS else nearest(tag, TAGS)
        raise ConfigurationError(f"No objective has the tag {tag!r}. {hint}")
    return chosen


def get(name: str) -> type[Objective]:
    """The class of the objective with the id or alias ``name``.

    Args:
        name: an id such as ``"dpo"``.

    Raises:
        ConfigurationError: there is no such objective; the message names the nearest id.

    Example:
        >>> get("dpo").paper
        'arXiv:2305.18290'
    """
    return OBJECTIVES.get(name)


def by_class_name(name: str) -> type[Objective]:
    """The objective whose class is called ``name``; this makes ``penchant.objectives.DPO`` work without an import list.

    Args:
        name: the name of a class that this package defines.

    Raises:
        AttributeError: there is no such class.

    Example:
        >>> by_class_name("DPO").id
        'dpo'
    """
    if not name.startswith("_"):
        for cls in OBJECTIVES.things():
            if cls.__name__ == name and cls.__module__.startswith("penchant.objectives."):
                return cls
    raise AttributeError(f"module 'penchant.objectives' has no attribute {name!r}")
