"""Image files that data name: which files may be read, and how much of them."""

from __future__ import annotations

import base64
import binascii
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from penchant.errors import DataError

__all__ = [
    "BYTES",
    "FORMATS",
    "PIXELS",
    "decoded",
    "file_bytes",
    "inside",
    "outside_files",
    "outside_files_allowed",
    "uri_bytes",
]

#: The formats that are read, whatever a file is called: pixels alone. EPS would start Ghostscript, so it is not one.
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF", "HEIF", "ICO")

#: The largest file of an image, in bytes.
BYTES = 2**26

#: The most pixels of an image, 8192 × 8192. A file of a few kilobytes can hold any number of equal ones.
PIXELS = 2**26

_allowed: ContextVar[bool] = ContextVar("outside_files_allowed", default=False)


@contextmanager
def outside_files(allowed: bool = True) -> Iterator[None]:
    """A context in which a file of data may name images anywhere on this machine, not only in its own folder.

    Only the caller decides this (``--allow-outside``, ``allow_outside=True``), never a recipe: data and recipe may come
    from someone else, and what they name ends up in reports, caches and weights.

    Args:
        allowed: whether images may be outside.

    Example:
        >>> with outside_files():
        ...     outside_files_allowed()
        True
        >>> outside_files_allowed()
        False
    """
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def outside_files_allowed() -> bool:
    """Whether data may name images outside of their folder."""
    return _allowed.get()


def inside(path: str, field: str, folder: Path | None, where: str) -> Path:
    """The file that a path of a data file names, checked to be in the data's folder; links are followed first.

    Args:
        path: as written; a relative one starts at ``folder``.
        field: the column, for errors.
        folder: the folder of the data; None if they have none, as those of the hub.
        where: file and line, for errors.

    Raises:
        DataError: the file is outside, and outside files are not allowed.
    """
    placed = Path(path) if folder is None else folder / path
    if outside_files_allowed():
        return placed
    try:
        real = None if "\0" in path else placed.resolve()
    except (OSError, RuntimeError):  # a loop of links
        real = None
    if real is None:
        raise DataError(f"The path in {field!r} cannot be followed: {path!r}.", where=where, fix="Correct the path.")
    if folder is None or not real.is_relative_to(folder.resolve()):
        linked = "" if folder is None or real == Path(os.path.normpath(folder.resolve() / path)) else f" (it is {real})"
        raise DataError(
            f"The path in {field!r} leaves the folder of the data file: {path}{linked}.",
            where=where,
            why="Data from elsewhere must not read other files of this machine.",
            fix="Keep the images in the folder of the data file or below. If you trust the data, allow it: "
            "--allow-outside (in Python: allow_outside=True, or with penchant.feedback.outside_files()).",
        )
    return placed


def file_bytes(path: Path) -> bytes:
    """The content of an image file.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be read, is no file (a pipe would be waited for), or is larger than `BYTES`.
    """
    # What is opened is what is checked: a name could be given to a pipe in between.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.is_dir():
        raise OSError(None, "it is a folder")
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "it is a pipe or a device")
        content = file.read(BYTES + 1)
    if len(content) > BYTES:
        raise OSError(None, f"it has more than {BYTES >> 20} MiB, the limit for an image")
    return content


def uri_bytes(uri: str) -> bytes:
    """The content of a ``data:`` address: ``data:image/png;base64,iVBORw0...``.

    Raises:
        ValueError: it is not in base64, or longer than `BYTES`.

    Example:
        >>> uri_bytes("data:image/png;base64,aGk=")
        b'hi'
    """
    head, comma, body = uri.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ValueError("a data: address without ';base64,'")
    if len(body) > BYTES // 3 * 4 + 4:
        raise ValueError(f"more than {BYTES >> 20} MiB, the limit for an image")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise ValueError(f"a data: address that is not base64: {error}") from error


def decoded(content: bytes) -> Any:
    """The loaded Pillow image of a file's content.

    Args:
        content: a file of one of the `FORMATS`.

    Raises:
        ValueError: the image has more pixels than `PIXELS`.
        Exception: Pillow raises many types; each means that this is not a readable image.
    """
    from PIL import Image as Pillow

    Pillow.init()
    known = [name for name in FORMATS if name in Pillow.OPEN]
    try:
        picture = Pillow.open(io.BytesIO(content), formats=known)
    except Pillow.DecompressionBombError as error:
        raise ValueError(f"it has too many pixels; the limit is {PIXELS:,}, so scale it down") from error
    width, height = picture.size
    if width * height > PIXELS:
        raise ValueError(f"it has {width} x {height} pixels; the limit is {PIXELS:,}, so scale it down")
    picture.load()
    return picture
