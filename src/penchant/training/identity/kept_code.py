"""The user's own functions in a run's folder: copies of their files, so that the run's recipe names files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.python_path import GROUPS, find, imported_beside, paths_of, with_paths
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
    for where, folders in _folders(values).items():

        def kept(path: str, where: str = where, folders: Mapping[Path, str] = folders) -> str:
            place = find(path, where)
            return path if place.file is None else f"{folders[place.file.parent]}/{place.file.name}:{place.name}"

        found[where] = with_paths(values[where], kept)
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
    for where, folders in _folders(values).items():
        for path in paths_of(values[where]):
            file = find(path, where).file
            if file is None:
                continue
            for each in (file, *imported_beside(file)):
                code[f"{folders[file.parent]}/{each.relative_to(file.parent).as_posix()}"] = each.read_bytes()
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


def _folders(values: Mapping[str, Any]) -> dict[str, dict[Path, str]]:
    """For each part of the recipe the folder of the copies from each folder: ``code/judge``, ``code/judge-2``, ..."""
    found: dict[str, dict[Path, str]] = {}
    for where in GROUPS:
        files = [find(path, where).file for path in paths_of(values.get(where))]
        folders = dict.fromkeys(file.parent for file in files if file is not None)
        if folders:
            found[where] = {
                folder: f"{FOLDER}/{where}{f'-{number}' if number > 1 else ''}"
                for number, folder in enumerate(folders, 1)
            }
    return found
