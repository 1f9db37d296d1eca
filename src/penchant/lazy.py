"""Packages whose names are loaded when they are first used, so that importing them costs milliseconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

__all__ = ["load"]


def load(package: str, name: str, exported: Collection[str], homes: Mapping[str, str]) -> Any:
    """What a package's ``__getattr__`` (PEP 562) gives back.

    Args:
        package: its name.
        name: what is asked for.
        exported: the names that it has; those without a home are its modules.
        homes: name -> module that defines it.

    Raises:
        AttributeError: the package has no such name.

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
