"""System calls that Python lacks: namespaces, mounts, process controls and capabilities, through the C library."""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Any

__all__ = [
    "MACHINE",
    "NEW_IPC",
    "NEW_MOUNTS",
    "NEW_NETWORK",
    "NEW_PIDS",
    "NEW_USERS",
    "NEW_UTS",
    "adopt_orphans",
    "die_with_parent",
    "drop_capabilities",
    "join",
    "mount",
    "no_new_privileges",
    "pivot",
    "process_control",
    "read_only",
    "syscall",
    "undumpable",
    "unmount",
    "unshare",
]

MACHINE = platform.machine()

NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_USERS = 0x00020000, 0x04000000, 0x08000000, 0x10000000
NEW_PIDS, NEW_NETWORK = 0x20000000, 0x40000000

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_MOUNT_SETATTR = 442

_SET_DEATH_SIGNAL, _SET_DUMPABLE, _DROP_BOUNDING, _SET_SUBREAPER, _NO_NEW_PRIVILEGES = 1, 4, 24, 36, 38
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _REMOUNT, _BIND = 0x1, 0x2, 0x4, 0x20, 0x1000
_DETACH = 2
_AT_RECURSIVE = 0x8000
_KILL = 9

_library = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int | None, *arguments: Any, what: str = "system call") -> int:
    """A system call by its number.

    Raises:
        OSError: the kernel refuses it, or the number is not known for this machine.
    """
    if number is None:
        raise OSError(38, f"{what}: not known for {MACHINE}")
    passed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(_library.syscall(ctypes.c_long(number), *passed), what)


def process_control(option: int, *arguments: Any, what: str = "prctl") -> int:
    """``prctl`` of this process."""
    passed = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    passed += [ctypes.c_ulong(0)] * (4 - len(passed))
    return _checked(_library.prctl(ctypes.c_int(option), *passed), what)


def unshare(flags: int) -> None:
    """Put this process (for `NEW_PIDS`: its next child) into new namespaces."""
    _checked(_library.unshare(ctypes.c_int(flags)), "unshare")


def join(descriptor: int, kind: int) -> None:
    """Enter the namespace that a file descriptor stands for (for `NEW_PIDS`: the next child does)."""
    _checked(_library.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def mount(source: str | None, target: str, kind: str | None = None, *, flags: int = 0, options: str = "") -> None:
    """Mount a file system, or what ``flags`` say."""
    first, third = (None if each is None else each.encode() for each in (source, kind))
    data = options.encode() or None
    _checked(_library.mount(first, os.fsencode(target), third, ctypes.c_ulong(flags), data), f"mount {target}")


def read_only(target: str) -> None:
    """Make the mount at ``target``, and those below it, read-only, without devices and without set-user-id programs."""
    attributes = (ctypes.c_uint64 * 4)(_READ_ONLY | _NO_SETUID | _NO_DEVICES, 0, 0, 0)
    try:
        syscall(_MOUNT_SETATTR, -1, os.fsencode(target), _AT_RECURSIVE, attributes, ctypes.sizeof(attributes))
    except OSError:
        # Kernels before 5.12: one mount at a time, and with the flags that it has.
        kept = os.statvfs(target).f_flag & ~_READ_ONLY
        mount(None, target, flags=_REMOUNT | _BIND | _READ_ONLY | _NO_SETUID | kept)


def unmount(target: str) -> None:
    """Take a mount out of sight at once; it ends when nothing uses it."""
    _checked(_library.umount2(os.fsencode(target), _DETACH), f"unmount {target}")


def pivot(new: str, old: str) -> None:
    """Make ``new`` the root, and put the former root at ``old``."""
    syscall(_PIVOT_ROOT.get(MACHINE), os.fsencode(new), os.fsencode(old), what="pivot_root")


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends."""
    process_control(_SET_DEATH_SIGNAL, _KILL)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, daemons included."""
    process_control(_SET_SUBREAPER, 1)


def undumpable() -> None:
    """Hide the memory of this process from others of the same user."""
    process_control(_SET_DUMPABLE, 0)


def no_new_privileges() -> None:
    """Refuse set-user-id programs from here on; seccomp and Landlock ask for it."""
    process_control(_NO_NEW_PRIVILEGES, 1)


def drop_capabilities() -> None:
    """Give up every privilege of root, for good."""
    for capability in range(64):
        try:
            process_control(_DROP_BOUNDING, capability)
        except OSError:
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    syscall(_CAPSET.get(MACHINE), header, (ctypes.c_uint32 * 6)(), what="capset")
