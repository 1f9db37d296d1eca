"""`Named`, the base of classes that a recipe selects by name (judges, pairings, engines), and how they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from penchant.registry import Configurable, Registry

__all__ = ["Named", "build_named"]


class Named(Configurable):
    """A configurable class that a recipe selects by name: a subclass with an ``id`` adds itself to its registry.

    Example:
        >>> FRUITS = Registry("fruit")
        >>> class Fruit(Named):
        ...     registry = FRUITS
        >>> class Apple(Fruit):
        ...     id = "apple"
        >>> FRUITS.get("apple").__name__
        'Apple'
    """

    #: Subclasses by their ids.
    registry: ClassVar[Registry[Any]]
    setting_word = "key"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if vars(cls).get("id"):
            cls.declared_settings()  # a malformed declaration fails at the class definition, not at first use
            cls.registry.add(cls.id, cls)


N = TypeVar("N", bound=Named)


def build_named(registry: Registry[type[N]], part: Mapping[str, Any], where: str, *given: Any) -> N:
    """Build the object that a part of a recipe selects; the other keys of the part are its settings.

    Args:
        registry: where the class is registered.
        part: ``name`` and settings, for example ``{"name": "verifier", "rule": "exact"}``.
        where: the recipe key of the part, for messages.
        given: positional arguments of the class.

    Raises:
        ConfigurationError: there is no such name or key, or a value has the wrong type or is out of range.

    Example:
        >>> from penchant.rewards.registry import JUDGES
        >>> build_named(JUDGES, {"name": "verifier", "rule": "exact"}, "judge").settings
        {'rule': 'exact'}
    """
    settings = {key: value for key, value in part.items() if key != "name"}
    return registry.get(str(part.get("name", "")), where)(*given, **settings)
