"""What the words of a command say: the recipe, keys to change, and pairs of names and values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError

__all__ = ["pairs", "split_words"]


def split_words(words: list[str]) -> tuple[Path | None, dict[str, Any]]:
    """The recipe's path, if one is named, and the keys."""
    paths = [word for word in words if "=" not in word]
    if len(paths) > 1:
        raise ConfigurationError(
            f"Two recipes are named: {paths[0]!r} and {paths[1]!r}.", fix="Give one recipe; keys are written key=value."
        )
    return (Path(paths[0]) if paths else None), pairs([word for word in words if "=" in word], "key=value")


def pairs(words: list[str], form: str) -> dict[str, Any]:
    """Words of the form name=value, with values read as YAML (numbers, true, lists)."""
    import yaml

    result = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise ConfigurationError(f"{word!r} is not of the form name=value.", where=form)
        try:
            result[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            result[name] = value
    return result
