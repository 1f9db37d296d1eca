"""Every world of the lab by its id, found without a list to keep."""

from __future__ import annotations

from penchant.registry import Registry

__all__ = ["WORLDS", "summary_of_world"]

#: All worlds by id. A world is a folder here whose class is added when it is defined: a subclass of
#: `penchant.lab.pretrained.PretrainedWorld` that has an ``id``, or any class by ``@WORLDS.register("id")``.
WORLDS: Registry[type] = Registry("world", "penchant.lab.worlds")


def summary_of_world(name: str) -> str:
    """The first line of a world's docstring.

    Args:
        name: its id, for example ``sums``.

    Raises:
        ConfigurationError: there is no such world; the nearest is named.

    Example:
        >>> summary_of_world("sums")
        'Sums of two numbers, such as ``12+7=``.'
    """
    return (WORLDS.get(name).__doc__ or "").strip().partition("\n")[0]
