"""The registry of worlds by id."""

from __future__ import annotations

from penchant.registry import Registry

__all__ = ["WORLDS", "summary_of_world"]

#: All worlds by id. Defining a world class in one of these folders registers it: a subclass of
#: `penchant.lab.pretrained.PretrainedWorld` with an ``id``, or any class with ``@WORLDS.register("id")``.
WORLDS: Registry[type] = Registry("world", "penchant.lab.worlds")


def summary_of_world(name: str) -> str:
    """The first line of a world's docstring.

    Args:
        name: id of the world, for example ``sums``.

    Raises:
        ConfigurationError: there is no such world; the message names the nearest.

    Example:
        >>> summary_of_world("sums")
        'Sums of two numbers, such as ``12+7=``.'
    """
    return (WORLDS.get(name).__doc__ or "").strip().partition("\n")[0]
