"""`Named`, the base of classes that a recipe selects by name (judges, pairings, engines), and how they are built."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from penchant.documents import NotYamlError, yaml_document
from penchant.errors import ConfigurationError
from penchant.registry import Configurable, Registry

__all__ = ["Named", "build_named", "named_settings"]


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
    #: Further names, such as those of released code.
    aliases: ClassVar[tuple[str, ...]] = ()
    setting_word = "key"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if vars(cls).get("id"):
            cls.declared_settings()  # a malformed declaration fails at the class definition, not at first use
            cls.registry.add(cls.id, cls, vars(cls).get("aliases", ()))


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
        >>> build_named(JUDGES, {"name": "verifier", "rule": "exact"}, "judge").rule
        'exact'
    """
    settings = {key: value for key, value in part.items() if key != "name"}
    return registry.get(str(part.get("name", "")), where)(*given, **settings)


def named_settings(words: str, what: str, where: str) -> dict[str, Any]:
    """A name with settings, as one option writes it: commas or spaces stand between them.

    Values are read as YAML. A comma inside of a value does not end it; with spaces, quotes hold a value together.

    Args:
        words: ``NAME,KEY=VALUE,...`` or ``NAME KEY=VALUE ...``.
        what: what is named, for messages.
        where: the option, for messages.

    Returns:
        The mapping that a recipe has in its place, see `build_named`.

    Raises:
        ConfigurationError: there is no name, or a word is not of the form KEY=VALUE.

    Example:
        >>> named_settings("verifier,rule=exact", "judge", "--judge")
        {'name': 'verifier', 'rule': 'exact'}
        >>> named_settings("reward_model model='my folder' batch_size=4", "judge", "--judge")
        {'name': 'reward_model', 'model': 'my folder', 'batch_size': 4}
        >>> named_settings("weighted,weights=[0.7, 0.3],over=prompt", "judge", "--judge")
        {'name': 'weighted', 'weights': [0.7, 0.3], 'over': 'prompt'}
    """
    fix = f"Write NAME,KEY=VALUE,... for the {what}: verifier,rule=exact."
    try:
        # A comma follows the name, which may be a folder with spaces; otherwise spaces separate.
        commas = re.match(r"[^=]*,\w[\w.]*=", words)
        name, *given = re.split(r",(?=\w[\w.]*=)", words) if commas else shlex.split(words)
    except ValueError as error:  # no word at all, or a quote that does not end
        raise ConfigurationError(f"{words!r} names no {what}: {error}.", where=where, fix=fix) from None
    if not name or "=" in name.removeprefix("name=") or "," in name:
        raise ConfigurationError(f"{words!r} names no {what}.", where=where, fix=fix)
    settings: dict[str, Any] = {"name": name.removeprefix("name=")}
    for each in given:
        key, sign, value = each.partition("=")
        if not sign or not key:
            raise ConfigurationError(f"{each!r} in {words!r} is no setting.", where=where, fix=fix)
        try:
            settings[key] = yaml_document(value, key)
        except NotYamlError:
            settings[key] = value
    return settings
