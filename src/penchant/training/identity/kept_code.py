"""The user's own functions in a run's folder: copies of their files, so that the run's recipe names files beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.named_code import named_code, with_places
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

    folders = _folders(values)

    def copied(where: str, place: str) -> str:
        found = find(place, where)
        if found.file is None:
            return place
        return f"{folders[_part(where), found.file.parent]}/{found.file.name}:{found.name}"

    return with_places(values, copied)


def read_code(values: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a recipe's functions, and those beside them that they import, after they were loaded.

    Args:
        values: the recipe.

    Returns:
        Contents by path in a run's folder.

    Raises:
        ConfigurationError: a place may not be named.
    """
    code, folders = {}, _folders(values)
    for where, place in named_code(values):
        file = find(place, where).file
        if file is None:
            continue
        for each in (file, *imported_beside(file)):
            inner = each.relative_to(file.parent).as_posix()
            code[f"{folders[_part(where), file.parent]}/{inner}"] = each.read_bytes()
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


def _folders(values: Mapping[str, Any]) -> dict[tuple[str, Path], str]:
    """Where the copies of each folder's files lie, for each part that names them: ``code/judge``, ``code/judge-2``."""
    found: dict[tuple[str, Path], str] = {}
    for where, place in named_code(values):
        file, part = find(place, where).file, _part(where)
        if file is not None and (part, file.parent) not in found:
            number = 1 + sum(each == part for each, _folder in found)
            found[part, file.parent] = f"{FOLDER}/{part}{f'-{number}' if number > 1 else ''}"
    return found


def _part(where: str) -> str:
    """The part of the recipe that a key is of: ``judge``, ``objective``, ``eval-judge``."""
    steps = re.split(r"[.\[]", where)
    return "-".join(steps[: 2 if steps[0] not in GROUPS else 1])
