"""`Registry`, which finds methods, views, judges and builders by name; `Configurable`, whose fields are settings."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import re
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any, ClassVar, Generic, TypeVar

from penchant.elsewhere import where_else
from penchant.errors import ConfigurationError, nearest
from penchant.settings import Setting, read_settings, validated

__all__ = ["Configurable", "Registry"]

T = TypeVar("T")

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


class Registry(Generic[T]):
    """Objects of one kind by name. Defining an object registers it, so there is no central list to edit.

    Args:
        kind: what they are, in the singular, as it appears in messages: ``objective``.
        packages: dotted names of packages whose modules are imported, once per process, at the first lookup that needs
            them; an object outside of these packages is registered when its module is imported.
        group: entry-point group in which installed packages list their own; these are imported at the same time.

    Example:
        >>> fruits: Registry[str] = Registry("fruit")
        >>> fruits.add("apple", "a red fruit", aliases=("pomme",))
        'a red fruit'
        >>> fruits.get("pomme"), fruits.names(), fruits.resolve("pomme")
        ('a red fruit', ['apple'], 'apple')
        >>> fruits.get("aple")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: There is no fruit 'aple'. Did you mean 'apple'?
    """

    def __init__(self, kind: str, *packages: str, group: str = "") -> None:
        self.kind, self.packages, self.group = kind, packages, group
        self._entries: dict[str, T] = {}
        self._aliases: dict[str, str] = {}
        self._discovered = not packages

    def add(self, name: str, thing: T, aliases: tuple[str, ...] = ()) -> T:
        """Register an object under a name and its aliases.

        Args:
            name: lower case, words joined by hyphens or underscores.
            thing: the object; the same one may be added again, for example when its module is reloaded.
            aliases: further names for the same object.

        Returns:
            The object.

        Raises:
            ConfigurationError: a name is malformed, or already taken by another object.
        """
        for each in (name, *aliases):
            if not _NAME.fullmatch(each):
                raise ConfigurationError(
                    f"{each!r} is not a valid name for {self._kind_with_article}.",
                    where=place_of(thing),
                    fix="Use lower-case letters and digits, words joined by single hyphens.",
                )
            holder = self._entries.get(self._aliases.get(each, each))
            if holder is not None and place_of(holder) != place_of(thing):
                raise ConfigurationError(
                    f"The id {each!r} is already taken by {place_of(holder)}.",
                    where=place_of(thing),
                    fix="Choose another id.",
                )
        self._entries[name] = thing
        self._aliases.update(dict.fromkeys(aliases, name))
        return thing

    def register(self, name: str, *, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
        """A decorator that adds what it decorates; arguments as in `add`."""
        return lambda thing: self.add(name, thing, aliases)

    def get(self, name: str, where: str | None = None) -> T:
        """The object registered under a name or an alias.

        Args:
            name: for example ``dpo``.
            where: the recipe key or option that named it, for the message.

        Raises:
            ConfigurationError: the name is unknown; the message contains the nearest one.
        """
        return self._entries[self.resolve(name, where)]

    def resolve(self, name: str, where: str | None = None) -> str:
        """The canonical name for a name or an alias.

        Raises:
            ConfigurationError: the name is unknown.
        """
        if name not in self:
            hint = where_else(name, self.kind) or nearest(name, [*self._entries, *self._aliases])
            raise ConfigurationError(f"There is no {self.kind} {name!r}. {hint}", where=where)
        return self._aliases.get(name, name)

    def remove(self, name: str) -> None:
        """Remove an object and its aliases; tests use it to clean up what they register."""
        del self._entries[name]
        self._aliases = {alias: held for alias, held in self._aliases.items() if held != name}

    def names(self) -> list[str]:
        """All names, sorted, without aliases."""
        self.discover()
        return sorted(self._entries)

    def aliases(self) -> dict[str, str]:
        """Each alias with its canonical name."""
        self.discover()
        return dict(self._aliases)

    def things(self) -> list[T]:
        """All objects, in the order of their names."""
        return [self._entries[name] for name in self.names()]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        if name not in self._entries and name not in self._aliases:
            self.discover()
        return name in self._entries or name in self._aliases

    def discover(self) -> None:
        """Import the modules of the registry's packages; the second call does nothing."""
        if self._discovered:
            return
        self._discovered = True  # set before the imports, because one of them may query the registry
        for name in self.packages:
            package = importlib.import_module(name)
            for module in pkgutil.walk_packages(getattr(package, "__path__", ()), prefix=f"{name}."):
                importlib.import_module(module.name)
        for entry in entry_points(group=self.group) if self.group else ():
            try:
                entry.load()
            except Exception as error:  # of a package that has nothing to do with this command
                logging.getLogger("penchant").warning(
                    "The %s %s of an installed package cannot be imported (%s: %s).",
                    *(self.kind, entry.name, type(error).__name__, error),
                )

    @property
    def _kind_with_article(self) -> str:
        return f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"


def place_of(thing: Any) -> str:
    """Where a class or function is defined, as ``module.name``; for any other object, where its class is defined.

    Example:
        >>> place_of(Registry)
        'penchant.registry.Registry'
    """
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


class Configurable:
    """Base of classes whose annotated fields are their settings: recipe keys, options, range checks and documentation.

    A field is ``name: Annotated[type, range, "what it means"] = default``; a field without a default is required.

    Args:
        settings: values by name.

    Raises:
        ConfigurationError: an unknown or missing setting, a wrong type, or a value out of range.

    Example:
        >>> from penchant.objectives import DPO
        >>> DPO(beta=2).settings
        {'beta': 2.0, 'reference_free': False}
        >>> DPO(beta=0)
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: objective dpo: 'beta' is 0 (int), expected float > 0. Meaning: ...
    """

    id: str = ""
    #: What the class configures, in the singular, as it appears in messages.
    kind: ClassVar[str] = "object"
    #: What one of its settings is called in messages.
    setting_word: ClassVar[str] = "setting"

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        cls = type(self)
        owner = f"{cls.kind} {self.id or cls.__name__}"
        for attribute, value in validated(cls.declared_settings(), settings, owner, cls.setting_word).items():
            setattr(self, attribute, value)

    @classmethod
    def declared_settings(cls) -> list[Setting]:
        """The settings: names, types, defaults, ranges, meanings."""
        return read_settings(cls)

    @property
    def settings(self) -> dict[str, Any]:
        """The values by name; the class called with them builds an equal object."""
        return {each.name: getattr(self, each.attribute) for each in self.declared_settings()}
