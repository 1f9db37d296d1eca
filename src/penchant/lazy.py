"""Lazy loading of a package's public names at first use, so that importing the package takes milliseconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

__all__ = ["load"]


def load(package: str, name: str, exported: Collection[str], homes: Mapping[str, str]) -> Any:
    """Load a name for a package's ``__getattr__`` (PEP 562).

    Args:
        package: the package's name.
        name: the attribute to load.
        exported: the package's public names; a name that is not in ``homes`` is a submodule.
        homes: for each name, the module that defines it.

    Raises:
        AttributeError: the package has no such attribute.

    Example:
        >>> load("json", "JSONDecoder", ["JSONDecoder", "decoder"], {"JSONDecoder": "json.decoder"}).__name__
        'JSONDecoder'
        >>> load("json", "decoder", ["JSONDecoder", "decoder"], {"JSONDecoder": "json.decoder"}).__name__
        'json.decoder'
    """
    if name in homes:
        return getattr(import_module(homes[name]), name)
    if name in exported:
        return import_module(f"{package}.{name}")
    raise AttributeError(f"module {package!r} has no attribute {name!r}")
