"""Where a command writes, checked before it begins: no input, no folder, no file that may not be replaced."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.writing import is_stream

__all__ = ["claim_file", "claim_files", "input_at"]

# What no command writes: images and weights, which are inputs of data and models.
_MEDIA = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".safetensors", ".bin", ".pt", ".pth"}


def claim_file(
    path: str | Path, *, option: str, overwrite: bool = False, inputs: Iterable[Any] = (), makes_folder: bool = True
) -> None:
    """Check that a command may write a file, before it does any work.

    An empty file holds nothing that could be lost, so it may be replaced like a file that does not exist.

    Args:
        path: the file. Standard output, ``-`` and devices are always allowed.
        option: that names it, for errors.
        overwrite: an existing file may be replaced.
        inputs: what the command reads: files, folders, patterns; names of other things, numbers and None do no harm.
        makes_folder: missing folders above the file are made; otherwise they are an error.

    Raises:
        OutputError: it is one of the inputs, a folder, an existing file, or lies where nothing can be written.

    Example:
        >>> claim_file("/", option="--out")
        Traceback (most recent call last):
        penchant.errors.OutputError: /: --out names a folder. Name a file in it.
    """
    if is_stream(path):
        return
    try:
        target = Path(os.path.realpath(path, strict=False))
        found = _stat(target)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"{option} names a file that cannot be written ({reason}).", where=str(path), fix="Name another file."
        ) from error
    if found is None:
        _check_parent(target.parent, path, option, makes_folder)
        return
    if stat.S_ISDIR(found.st_mode):
        raise OutputError(f"{option} names a folder.", where=str(path), fix="Name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise OutputError(f"{option} names a device or socket.", where=str(path), fix="Name a file.")
    _check_replaceable(path, target, found, option, overwrite, inputs)


def claim_files(files: Mapping[str, str | Path | None], *, overwrite: bool = False, inputs: Iterable[Any] = ()) -> None:
    """Check that a command may write several files, by the option that names each; None is not written.

    Args:
        files: by option.
        overwrite: as for `claim_file`.
        inputs: as for `claim_file`.

    Raises:
        OutputError: as `claim_file`.
    """
    read = list(inputs)
    for option, file in files.items():
        if file is not None:
            claim_file(file, option=option, overwrite=overwrite, inputs=read)


def _check_replaceable(
    path: str | Path, target: Path, found: os.stat_result, option: str, overwrite: bool, inputs: Iterable[Any]
) -> None:
    """Refuse an existing file that is an input, that may not be replaced, or that cannot be."""
    own = input_at(target, inputs)
    if own is not None:
        also = "" if Path(own) == Path(path) else f" ({own})"
        raise OutputError(
            f"{option} names a file that this command reads{also}.",
            where=str(path),
            why="It would be replaced, with --overwrite too.",
            fix=f"Name another file with {option}.",
        )
    if found.st_size and not overwrite:
        raise OutputError("The file already exists.", where=str(path), fix=f"Give --overwrite, or another {option}.")
    if target.suffix.lower() in _MEDIA:
        raise OutputError(
            "This is a file of images or weights, which no command replaces.",
            where=str(path),
            fix=f"Name another file with {option}.",
        )
    if not os.access(target, os.W_OK):
        raise OutputError("The file is read-only.", where=str(path), fix=f"Name another file with {option}.")
    _check_parent(target.parent, path, option)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _check_parent(folder: Path, path: str | Path, option: str, makes_folder: bool = True) -> None:
    """Check that a file can be made in a folder, or in the folder that will be made."""
    nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if nearest != folder and not makes_folder:
        reason = f"there is no folder {folder}"
    elif not nearest.is_dir():
        reason = f"{nearest} is no folder"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        reason = f"the folder {nearest} is read-only"
    else:
        return
    raise OutputError(
        f"{option} names a file that cannot be written: {reason}.",
        where=str(path),
        fix=f"Name another file with {option}.",
    )


def input_at(target: str | Path, inputs: Iterable[Any]) -> str | None:
    """The input that is the same file as ``target`` or a folder that holds it; None if there is none.

    Files are compared, not names: links of both kinds are resolved.

    Args:
        target: an existing file.
        inputs: as for `claim_file`; collections are looked through.
    """
    try:
        own = os.stat(target)
    except (OSError, ValueError):
        return None
    for each in _places(inputs):
        for place in _matches(each):
            if _is_or_holds(place, os.path.realpath(target), own):
                return each
    return None


def _places(inputs: Any) -> Iterator[str]:
    if isinstance(inputs, str | Path):
        yield os.path.expanduser(str(inputs))
    elif isinstance(inputs, Mapping):
        yield from _places(list(inputs.values()))
    elif isinstance(inputs, list | tuple | set | frozenset):
        for each in inputs:
            yield from _places(each)


def _matches(place: str) -> Iterator[str]:
    """The place itself, and what it matches as a pattern; ``NAME=PATH`` names a path too."""
    yield place
    if glob.has_magic(place) and len(place) < 4096:
        yield from glob.iglob(place, recursive=True)
    if "=" in place:
        yield place.partition("=")[2]


def _is_or_holds(place: str, target: str, own: os.stat_result) -> bool:
    try:
        found = os.stat(place)
    except (OSError, ValueError):
        return False
    if os.path.samestat(found, own):
        return True
    if not stat.S_ISDIR(found.st_mode):
        return False
    if target.startswith(os.path.join(os.path.realpath(place), "")):
        return True
    return any(_is(os.path.join(folder, name), own) for folder, _, names in os.walk(place) for name in names)


def _is(path: str, own: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), own)
    except OSError:
        return False
