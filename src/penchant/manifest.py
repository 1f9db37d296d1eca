"""Manifests: whose files these are, and the hash of each, written last of all and checked before the files are used."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

__all__ = ["Fault", "about_of", "content_of", "digest_of", "fault_of", "hash_of", "write_manifest"]

VERSION = 2
# hashlib computes outside of Python's lock; more threads than this only compete for the disk.
THREADS = 4

#: What is wrong with a group of files, in one clause; None if nothing is.
Fault = str | None


def hash_of(path: Path, *, flush: bool = False) -> str:
    """SHA-256 (hexadecimal) of a file's content, read in pieces.

    Args:
        path: the file.
        flush: also wait until the content is on the disk.
    """
    with path.open("rb") as file:
        if flush:
            os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(content: Any) -> str:
    """SHA-256 (hexadecimal) of a JSON value; the order of keys does not matter.

    Example:
        >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
        True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def content_of(place: Path) -> Any:
    """The hash of a file, or those of a folder's files by name, hidden ones aside; None if it is neither.

    Args:
        place: of the file or folder.
    """
    try:
        if place.is_file():
            return hash_of(place)
        if place.is_dir():
            files = sorted(each for each in place.rglob("*") if each.is_file() and not each.name.startswith("."))
            return {str(each.relative_to(place)): hash_of(each) for each in files}
    except OSError:  # too long for a name, for example
        pass
    return None


def write_manifest(path: Path, files: Iterable[Path], about: Mapping[str, str] | None = None) -> None:
    """Write the manifest of files that are complete; afterwards they are on the disk, and so is the manifest.

    Args:
        path: of the manifest.
        files: in the folder of the manifest, or below it.
        about: whose files they are: the run, and fingerprints of what they were made from.
    """
    found = sorted(files)
    with ThreadPoolExecutor(THREADS) as pool:
        hashes = list(pool.map(lambda each: hash_of(each, flush=True), found))
    content: dict[str, Any] = {
        "version": VERSION,
        "about": dict(about or {}),
        "files": {
            each.relative_to(path.parent).as_posix(): {"bytes": each.stat().st_size, "sha256": value}
            for each, value in zip(found, hashes, strict=True)
        },
    }
    draft = path.with_name(f"{path.name}.part")
    with draft.open("w", encoding="utf-8") as file:
        # The manifest's own hash: a damaged manifest must not accuse sound files, or name another run.
        json.dump({**content, "sha256": digest_of(content)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot
        pass
    finally:
        os.close(handle)


def _read(path: Path) -> dict[str, Any] | str:
    """The manifest, or what is wrong with it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "it is incomplete"
    except (OSError, ValueError, RecursionError):
        return f"its file {path.name} cannot be read"
    if not isinstance(content, dict):
        return f"its file {path.name} cannot be read"
    if all(isinstance(size, int) for size in content.values()):
        # Earlier versions recorded the size of each file alone.
        return {"about": {}, "files": {name: {"bytes": size} for name, size in content.items()}}
    written = content.pop("sha256", None)
    return content if written == digest_of(content) else f"its file {path.name} is damaged"


def about_of(path: Path) -> dict[str, str] | None:
    """Whose files a manifest describes; None if there is no sound manifest.

    Args:
        path: of the manifest.
    """
    content = _read(path)
    return None if isinstance(content, str) else dict(content["about"])


def fault_of(path: Path, about: Mapping[str, str] | None = None) -> Fault:
    """What is wrong with the files of a manifest: missing, of another size, of other content, or of another origin.

    Args:
        path: of the manifest.
        about: whose files they should be; names that the manifest lacks are not compared.
    """
    content = _read(path)
    if isinstance(content, str):
        return content
    if foreign := _foreign(content["about"], about or {}):
        return foreign
    files = {path.parent / name: facts for name, facts in content["files"].items()}
    for each, facts in files.items():
        name = each.relative_to(path.parent).as_posix()
        if not each.is_file():
            return f"{name} is missing"
        if each.stat().st_size != facts["bytes"]:
            return f"{name} has {each.stat().st_size} bytes instead of {facts['bytes']}"
    with ThreadPoolExecutor(THREADS) as pool:
        for each, fault in zip(files, pool.map(_altered, files, files.values()), strict=True):
            if fault is not None:
                return f"{each.relative_to(path.parent).as_posix()} {fault}"
    return None


def _altered(path: Path, facts: Mapping[str, Any]) -> Fault:
    if "sha256" not in facts:
        return None
    try:
        return None if hash_of(path) == facts["sha256"] else "is damaged (its hash is not the one that was recorded)"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _foreign(found: Mapping[str, str], about: Mapping[str, str]) -> Fault:
    for name, value in about.items():
        other = found.get(name, value)
        if other != value:
            if name == "run":
                return f"it belongs to another run ({other})"
            return f"it was made with another {name} ({other[:12]} instead of {value[:12]})"
    return None
