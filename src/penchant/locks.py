"""`FolderLock`: one process at a time works in a folder; the lock of a process that has ended counts for nothing."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.writing import output_errors_of

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCK", "FolderLock", "working_in"]

#: The name of the lock's file in the folder.
LOCK = ".lock"

# Locks that this process holds: a lock in its name that is not here was left behind.
_HELD: set[str] = set()


class FolderLock:
    """A lock on a folder, as a file that names host, process and the time when the process started.

    Process ids are used again, so the start of the process belongs to its name. The holder on another host cannot be
    asked whether it lives; its lock is respected. Besides, the holder keeps the file locked in the kernel, for
    processes of one machine that do not see each other (containers).

    Args:
        folder: an existing folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / LOCK
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock.

        Raises:
            OutputError: another process, or another run of this process, holds it.
            OSError: the folder cannot be written.
        """
        with _alone(self.path.parent):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o666)
            try:
                holder = _content(descriptor)
                if holder is not None and self._works(holder, descriptor):
                    raise OutputError(_sentence(holder), where=str(self.path.parent), fix=_way_out(holder, self.path))
                _kernel_lock(descriptor)
                content = json.dumps(_own_name()).encode()
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, content, 0)
                os.fsync(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
        self._descriptor = descriptor
        _HELD.add(self._place)

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError), _alone(self.path.parent):
            # The folder may have been deleted and made again by another process in the meantime.
            if os.path.samestat(os.stat(self.path, follow_symlinks=False), os.fstat(self._descriptor)):
                self.path.unlink()
        os.close(self._descriptor)
        self._descriptor = None
        _HELD.discard(self._place)

    @property
    def _place(self) -> str:
        return os.path.realpath(self.path)

    def _works(self, holder: dict[str, Any], descriptor: int) -> bool:
        """Whether the holder of a lock still works, as far as can be known."""
        own = _own_name()
        if holder["host"] != own["host"]:
            return True
        if holder["boot"] != own["boot"]:
            return False
        if holder["space"] != own["space"]:
            return not _kernel_lock(descriptor)
        if (holder["process"], holder["started"]) == (own["process"], own["started"]):
            return self._place in _HELD
        return holder["started"] == _start_of(holder["process"])


def _content(descriptor: int) -> dict[str, Any] | None:
    """The holder that a lock's file names; None for an empty file or one of another form."""
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return None
    known = isinstance(found, dict) and {"host", "boot", "space", "process", "started"} <= set(found)
    return found if known else None


def _sentence(holder: dict[str, Any]) -> str:
    return f"Another run works in this folder now (process {holder['process']} on {holder['host']})."


def _way_out(holder: dict[str, Any], path: Path) -> str:
    if holder["host"] == socket.gethostname():
        return "Wait until it ends, or give another folder with --out."
    return f"Wait until it ends, or give another folder with --out. If you are sure that it has ended, delete {path}."


def _own_name() -> dict[str, Any]:
    return {
        "host": socket.gethostname(),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "space": _linked("/proc/self/ns/pid"),
        "process": os.getpid(),
        "started": _start_of(os.getpid()),
    }


def _start_of(process: int) -> str | None:
    """When a process started, in ticks since the machine did; None if there is no such process."""
    stat = _read(f"/proc/{process}/stat")
    # The name of the program, in parentheses, may hold anything.
    fields = stat.rpartition(")")[2].split() if stat else []
    if len(fields) > 19:
        return None if fields[0] in "ZX" else fields[19]  # a zombie has ended
    if os.path.isdir("/proc/self"):
        return None
    try:  # no /proc on this system: the process's id alone
        os.kill(process, 0)
    except OSError:
        return None
    return "unknown"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _linked(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _kernel_lock(descriptor: int) -> bool:
    """Lock a file in the kernel until the process ends; whether nobody else has it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


@contextmanager
def working_in(
    folder: Path, what: str = "The output folder", fix: str = "Choose another folder with --output."
) -> Iterator[None]:
    """Make a folder, and hold its lock while the block runs.

    Args:
        folder: where one process at a time works.
        what: the beginning of the sentence that says that it cannot be written.
        fix: what to do then.

    Raises:
        OutputError: it cannot be made, or another process works in it.
    """
    lock = FolderLock(folder)
    with output_errors_of(folder, what, fix):
        folder.mkdir(parents=True, exist_ok=True)
        lock.take()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from taking or giving back the lock at the same moment."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
