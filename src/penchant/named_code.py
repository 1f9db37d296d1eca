"""Where the values of a recipe name a function or a class of the user's code, however deep it stands in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from penchant.errors import ConfigurationError
from penchant.named import named_settings
from penchant.python_path import GROUPS, beside

__all__ = ["NamedCode", "named_code", "places_beside", "with_places"]

#: ``(key of the recipe, place)`` to the place that takes its place.
Change = Callable[[str, str], str]


class NamedCode(NamedTuple):
    """A place that a recipe names.

    Args:
        where: the key of the part that names it: ``judge``, ``eval.judge``, ``judge.judges[1]``.
        place: as for `penchant.python_path.find`.
    """

    where: str
    place: str


def named_code(values: Mapping[str, Any]) -> list[NamedCode]:
    """Every place that the parts of a recipe name: the key ``path`` anywhere below a judge or an objective.

    Args:
        values: the recipe's keys, which may be dotted.

    Example:
        >>> weighted = {"name": "weighted", "judges": [{"name": "verifier"}, {"name": "function", "path": "r.py:f"}]}
        >>> named_code({"data": {"path": "a.jsonl"}, "eval": {"judge": weighted}})
        [NamedCode(where='eval.judge.judges[1]', place='r.py:f')]
    """
    found: list[NamedCode] = []

    def note(where: str, place: str) -> str:
        found.append(NamedCode(where, place))
        return place

    with_places(values, note)
    return found


def with_places(values: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """A recipe's values with other places.

    A judge that is written as one text (``function,path=rewards.py:brevity``) and names a place becomes a mapping.

    Args:
        values: the recipe's keys, which may be dotted.
        change: gives the new place for a key and a place.
    """
    return {key: _changed(value, str(key), change) for key, value in values.items()}


def places_beside(values: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """The values of a file with the full paths of the files beside it that they name.

    Args:
        values: of the file.
        file: a recipe, or a plan that holds parts of recipes.

    Raises:
        ConfigurationError: they name anything but a file beside it or an entry point.
    """
    return with_places(values, lambda where, place: beside(place, file.parent, where))


def _changed(value: Any, where: str, change: Change) -> Any:
    steps = re.split(r"[.\[]", where)
    if isinstance(value, Mapping):
        return {key: _changed(each, f"{where}.{key}", change) for key, each in value.items()}
    if not any(kind in steps for kind in GROUPS):
        return value
    if isinstance(value, list | tuple):
        return [_changed(each, f"{where}[{place}]", change) for place, each in enumerate(value)]
    if not isinstance(value, str):
        return value
    if steps[-1] == "path":
        return change(where.removesuffix(".path"), value)
    if steps[-1] in GROUPS and "path" in value and "=" in value:
        return _changed(_settings(value, steps[-1], where), where, change)
    return value


def _settings(text: str, kind: str, where: str) -> dict[str, Any]:
    """The settings of a part that is written as one text; what cannot be read is its name."""
    try:
        return named_settings(text, kind, where)
    except ConfigurationError:
        return {"name": text}  # said where the part is built
