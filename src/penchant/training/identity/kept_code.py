"""The user's own functions in a run's folder: copies of their files, so that the run's recipe names files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.python_path import GROUPS, find, imported_beside
from penchant.training.checkpoints import output_errors
from penchant.writing import replacing

__all__ = ["FOLDER", "kept_places", "read_code", "write_code"]

#: The folder of the copies in a run's folder.
FOLDER = "code"


def kept_places(values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's values with the places of the copies: ``code/judge/rewards.py:brevity``.

    Args:
        values: the recipe.

    Raises:
        ConfigurationError: a place may not be named.
    """
    found = dict(values)
    for keys, path in _paths(values).items():
        place = find(path, keys[-1])
        if place.file is not None:
            found = _replaced(found, (*keys, "path"), f"{FOLDER}/{'/'.join(keys)}/{place.file.name}:{place.name}")
    return found


def read_code(values: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a recipe's functions, and those beside them that they import, after they were loaded.

    Args:
        values: the recipe.

    Returns:
        Contents by path in a run's folder.

    Raises:
        ConfigurationError: a place may not be named.
    """
    code = {}
    for keys, path in _paths(values).items():
        file = find(path, keys[-1]).file
        if file is None:
            continue
        for each in (file, *imported_beside(file)):
            code[f"{FOLDER}/{'/'.join(keys)}/{each.relative_to(file.parent).as_posix()}"] = each.read_bytes()
    return code


def write_code(folder: Path, code: Mapping[str, bytes]) -> None:
    """Write the copies.

    Args:
        folder: of the run.
        code: as by `read_code`; read before an earlier run in the folder is deleted, which may hold the files.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    with output_errors(folder):
        for name, content in code.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with replacing(folder / name) as file:
                file.write(content)


def _paths(values: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """The places that a recipe names, by the keys of the part that names each."""
    found = {}
    for keys in (*((where,) for where in GROUPS), ("eval", "judge")):
        part: Any = values
        for key in keys:
            part = part.get(key) if isinstance(part, Mapping) else None
        if isinstance(part, Mapping) and isinstance(part.get("path"), str):
            found[keys] = part["path"]
    return found


def _replaced(values: Mapping[str, Any], keys: tuple[str, ...], value: str) -> dict[str, Any]:
    """A copy of nested values with another value at the end of some keys."""
    first, *others = keys
    return {**values, first: _replaced(values[first], tuple(others), value) if others else value}
