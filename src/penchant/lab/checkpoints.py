"""Base models of the lab's worlds on disk: trained once on this machine, then found again; nothing is downloaded."""

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
    """SHA-256 of the source files of modules; of a package all files in its folder.

    Example:
        >>> len(source_digest(["penchant.lab.worlds.language"]))
        64
    """
    digest = hashlib.sha256(penchant.__version__.encode())
    for name in modules:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"There is no module {name!r} whose source could be read.", name=name)
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
    """The folder that ``build`` filled, now or at an earlier call with the same settings and sources.

    It is built in a folder beside its place and then renamed, so no process sees half of it; two processes that build
    at once do the work twice and agree on one result. Every file is recorded with its hash: an entry with a missing or
    altered file is built again, and the log says so.

    Args:
        name: what it is; the beginning of the folder's name.
        settings: numbers and texts on which the result depends.
        modules: their source code is what the result depends on besides.
        build: writes files into the empty folder that it is given.
        folder: where entries are kept; `checkpoints_folder` where None.

    Returns:
        A folder; it belongs to the cache, so it is read and never written.

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
    fault = _fault(place)
    if fault is None:
        return place
    building = _folder_beside(place, fault)
    try:
        build(building)
        contents = {"settings": dict(settings), "files": _hashes(building)}
        (building / CONTENTS).write_text(json.dumps(contents, indent=1), encoding="utf-8")
        _install(building, place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return place


def _folder_beside(place: Path, fault: str) -> Path:
    """An empty folder in which an entry can be built; a broken entry is removed first."""
    root = place.parent
    try:
        root.mkdir(parents=True, exist_ok=True)
        if place.exists():
            log.warning("The kept base model %s %s; it is trained again.", place, fault)
            _remove(place)
        return Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=root))
    except OSError as error:
        raise OutputError(
            f"Base models cannot be kept here ({error.strerror or error}).",
            where=str(root),
            fix="Set PENCHANT_CACHE to a folder that can be written.",
        ) from error


def _install(building: Path, place: Path) -> None:
    try:
        building.rename(place)
    except OSError:
        # Another process was faster; what it built is the same.
        if _fault(place) is not None:
            raise


def _remove(place: Path) -> None:
    """Moved away in one step before it is deleted, so that no other process finds half an entry."""
    away = Path(tempfile.mkdtemp(prefix=".broken-", dir=place.parent))
    try:
        place.rename(away / place.name)
    except FileNotFoundError:  # another process has removed it
        pass
    finally:
        shutil.rmtree(away, ignore_errors=True)


def _fault(place: Path) -> str | None:
    """What is wrong with an entry, or None."""
    try:
        known = json.loads((place / CONTENTS).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return "has no list of its contents that can be read"
    found = _hashes(place)
    if missing := sorted(known.keys() - found.keys()):
        return f"lacks the file {missing[0]}"
    if altered := sorted(name for name, value in known.items() if found[name] != value):
        return f"holds an altered file {altered[0]}"
    return None


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / CONTENTS)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
