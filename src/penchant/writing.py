"""The one writer of files: beside the target, synced, then renamed, so that a file is whole or not there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from penchant.errors import OutputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "delete_kept",
    "draft_of",
    "is_stream",
    "output_errors_of",
    "replacing",
    "sync_folder",
    "write_json",
    "write_rows",
    "write_text",
]

# Names of the standard streams and of other open files of this process.
_OPEN_FILES = re.compile(r"/(?:dev/fd|proc/self/fd)/(\d+)")
_STANDARD = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}
# Bytes of a file name that every file system takes.
_LONGEST_NAME = 240


def _open_file(path: str | Path) -> int | None:
    """The descriptor that a path such as ``/dev/stdout`` names; None for other paths."""
    if (standard := _STANDARD.get(str(path))) is not None:
        return standard
    found = _OPEN_FILES.fullmatch(str(path))
    return int(found.group(1)) if found else None


def is_stream(path: str | Path) -> bool:
    """Whether what is written to a path is passed on: standard output, ``-``, a terminal, a pipe or ``/dev/null``.

    Example:
        >>> is_stream("-"), is_stream("scores.jsonl")
        (True, False)
    """
    if _open_file(path) is not None:
        return True
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def draft_of(target: Path) -> Path:
    """The temporary file in which a target is written; it lies in the same folder.

    Example:
        >>> draft_of(Path("runs/scores.jsonl")).name
        '.scores.jsonl.part'
    """
    name = target.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return target.with_name(f".{name}.part")


@contextmanager
def replacing(path: str | Path, *, follow: bool = True) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of ``path`` when the block ends; if the block raises, nothing changes.

    A process that is killed leaves the old file, and a draft that the next writer of the same file replaces.

    Args:
        path: the target; missing parent folders are made. A stream (`is_stream`) is written directly.
        follow: a symbolic link is followed to the file that it names; otherwise the link itself is replaced.

    Raises:
        OSError: it cannot be written, or another process writes it at this moment.
    """
    if is_stream(path):
        with _stream(path) as passed_on:
            yield passed_on
        return
    target = Path(os.path.realpath(path)) if follow else Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(target)
    with os.fdopen(_begin(draft), "wb") as file:
        try:
            yield file
            file.flush()
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), stat.S_IMODE(os.stat(target).st_mode))
            os.fsync(file.fileno())
            os.replace(draft, target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    sync_folder(target.parent)


def delete_kept(path: Path) -> None:
    """Delete what a command has kept to go on with, once its result is written.

    Args:
        path: of the file, which may be missing.

    Raises:
        OutputError: it cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path.name} could not be deleted ({error.strerror or error}).",
            where=str(path),
            why="The result is written; this file only helps a stopped command to go on.",
            fix="Delete it when the disk can be written again.",
        ) from error


def _stream(path: str | Path) -> IO[bytes]:
    descriptor = _open_file(path)
    if descriptor is None:
        return open(path, "wb")
    sys.stdout.flush()
    return os.fdopen(os.dup(descriptor), "wb")


def _begin(draft: Path) -> int:
    """An empty draft, locked: two processes that write the same file cannot mix their content."""
    while True:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            if fcntl is not None:
                _lock(descriptor)
            with contextlib.suppress(FileNotFoundError):
                # The process that held the lock may have renamed or deleted this file since it was opened.
                if os.path.samestat(os.stat(draft, follow_symlinks=False), os.fstat(descriptor)):
                    os.ftruncate(descriptor, 0)
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(errno.EBUSY, "another process writes this file at this moment") from error
    except OSError:  # a file system without locks
        pass


def sync_folder(folder: Path) -> None:
    """Wait until a folder's list of files is on the disk, where the file system can do so."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:  # a network file system, for example
        pass
    finally:
        os.close(descriptor)


@contextmanager
def output_errors_of(path: str | Path, what: str, fix: str | None = None) -> Iterator[None]:
    """Turn a failed write into an error that says what could not be written, and where.

    Args:
        path: the file.
        what: what is written, as the beginning of a sentence: ``"The scores"``.
        fix: what to do next.

    Raises:
        OutputError: the disk is full, for example.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) and "null byte" not in str(error):
            raise
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{what} cannot be written ({reason}).", where=str(path), fix=fix) from error


def _encoded(text: str, path: str | Path, what: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        near = ascii(text[max(0, error.start - 20) : error.end + 20])[1:-1]
        raise OutputError(
            f"{what} cannot be written: it contains half of a character (U+{ord(text[error.start]):04X}, a lone "
            f"surrogate), which UTF-8 does not have: '{near}'.",
            where=str(path),
            fix="Correct or remove this text. Nothing was written.",
        ) from error


def write_text(
    path: str | Path, text: str, what: str = "The file", *, fix: str | None = None, follow: bool = True
) -> None:
    """Write a text file as UTF-8, whole or not at all.

    Args:
        path: the file; see `replacing`.
        text: its content.
        what: what is written, for errors.
        fix: what to do if it cannot be written.
        follow: as for `replacing`.

    Raises:
        OutputError: it cannot be written, or a character cannot be encoded.
    """
    content = _encoded(text, path, what)
    with output_errors_of(path, what, fix), replacing(path, follow=follow) as file:
        file.write(content)


def write_json(
    path: str | Path, value: Any, what: str = "The file", *, indent: int | None = 2, fix: str | None = None
) -> None:
    """Write a value as JSON, whole or not at all; arguments and errors as for `write_text`."""
    write_text(path, json.dumps(value, indent=indent, ensure_ascii=False) + "\n", what, fix=fix)


def write_rows(
    path: str | Path,
    rows: Iterable[Any],
    what: str = "The rows",
    *,
    ascii_only: bool = False,
    fix: str | None = None,
) -> int:
    """Write rows as JSON lines, one after another as they come, whole or not at all.

    Memory holds one row at a time.

    Args:
        path: the file; see `replacing`.
        rows: what JSON can hold.
        what: what is written, for errors.
        ascii_only: escape all other characters.
        fix: what to do if it cannot be written.

    Returns:
        How many rows were written.

    Raises:
        OutputError: it cannot be written, or a row has a character that cannot be encoded; the row is named.
    """
    count = 0
    with output_errors_of(path, what, fix), replacing(path) as file:
        for count, row in enumerate(rows, start=1):
            line = json.dumps(row, ensure_ascii=ascii_only)
            file.write(_encoded(line, path, f"Record {count} of {what[0].lower()}{what[1:]}") + b"\n")
    return count
