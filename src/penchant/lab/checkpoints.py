"""On-disk cache of the lab's base models: trained once per machine, never downloaded."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import penchant
from penchant.errors import OutputError
from penchant.likelihood.cache import default_folder

__all__ = ["checkpoints_folder", "keep", "source_digest"]

log = logging.getLogger("penchant")

CONTENTS = "contents.json"


def checkpoints_folder() -> Path:
    """``$PENCHANT_CACHE/lab``, or ``penchant/lab`` in the user's cache folder."""
    folder = default_folder()
    return folder / "lab" if os.environ.get("PENCHANT_CACHE") else folder.with_name("lab")


def source_digest(modules: Sequence[str]) -> str:
    """SHA-256 of the source files of modules; for a package, of all files in its folder.

    Example:
        >>> len(source_digest(["penchant.lab.worlds.language"]))
        64
    """
    digest = hashlib.sha256(penchant.__version__.encode())
    for name in modules:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"The source of module {name!r} cannot be found.", name=name)
        origin = Path(spec.origin)
        files = sorted(origin.parent.glob("*.py")) if origin.name == "__init__.py" else [origin]
        for path in files:
            digest.update(f"\n{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def keep(
    name: str,
    settings: Mapping[str, Any],
    modules: Sequence[str],
    build: Callable[[Path], None],
    *,
    folder: Path | None = None,
) -> Path:
    """The folder filled by ``build``, now or in an earlier call with the same settings and sources.

    It is built in a temporary folder and then renamed, so no process sees a partial entry; if two processes build at
    once, one result is kept. Every file is recorded with its hash: an entry with a missing or altered file is rebuilt,
    with a warning in the log.

    Args:
        name: prefix of the folder name.
        settings: numbers and texts that the result depends on.
        modules: modules whose source code the result depends on.
        build: writes files into a given empty folder.
        folder: folder of the cache; `checkpoints_folder` if None.

    Returns:
        A folder of the cache; do not write to it.

    Raises:
        OutputError: the folder cannot be written.

    Example:
        >>> with tempfile.TemporaryDirectory() as cache:
        ...     for _ in range(2):
        ...         write = lambda place: print("built", (place / "weights").write_text("1"))
        ...         found = keep("one", {"size": 1}, [], write, folder=Path(cache))
        built 1
    """
    key = json.dumps([settings, source_digest(modules)], sort_keys=True)
    root = checkpoints_folder() if folder is None else folder
    place = root / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    fault = _fault(place, settings)
    if fault is None:
        return place
    building = _folder_beside(place, fault)
    try:
        build(building)
        contents = {"settings": dict(settings), "files": _hashes(building)}
        (building / CONTENTS).write_text(json.dumps(contents, indent=1), encoding="utf-8")
        _install(building, place, settings)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return place


def _folder_beside(place: Path, fault: str) -> Path:
    """An empty folder for building an entry; a broken entry is removed first."""
    root = place.parent
    try:
        root.mkdir(parents=True, exist_ok=True)
        if place.exists():
            log.warning("The cached base model %s %s; it is trained again.", place, fault)
            _remove(place)
        return Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=root))
    except OSError as error:
        raise OutputError(
            f"Base models cannot be cached here ({error.strerror or error}).",
            where=str(root),
            fix="Set PENCHANT_CACHE to a writable folder.",
        ) from error


def _install(building: Path, place: Path, settings: Mapping[str, Any]) -> None:
    try:
        building.rename(place)
    except OSError:
        # Another process was faster; its result is equivalent.
        if _fault(place, settings) is not None:
            raise


def _remove(place: Path) -> None:
    """Remove an entry; it is renamed first, so that no other process sees a partial entry."""
    away = Path(tempfile.mkdtemp(prefix=".broken-", dir=place.parent))
    try:
        place.rename(away / place.name)
    except FileNotFoundError:  # another process removed it
        pass
    finally:
        shutil.rmtree(away, ignore_errors=True)


def _fault(place: Path, settings: Mapping[str, Any]) -> str | None:
    """A description of what is wrong with an entry, or None."""
    try:
        contents = json.loads((place / CONTENTS).read_text(encoding="utf-8"))
        known, made_with = contents["files"], contents["settings"]
    except (OSError, ValueError, KeyError, TypeError):
        return "has no readable list of its contents"
    if made_with != json.loads(json.dumps(dict(settings))):
        return "was made with other settings"
    found = _hashes(place)
    if missing := sorted(known.keys() - found.keys()):
        return f"lacks the file {missing[0]}"
    if altered := sorted(name for name, value in known.items() if found[name] != value):
        return f"contains an altered file {altered[0]}"
    return None


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / CONTENTS)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
