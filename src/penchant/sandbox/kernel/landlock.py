"""Landlock: files and TCP ports that a process may use, for kernels that give no namespaces to this user."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from penchant.sandbox.kernel.calls import no_new_privileges, syscall

__all__ = ["confine", "landlock_version"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
_OF_FILES = _EXECUTE | 1 << 1 | _READ_FILE | 1 << 14
# Rights to files by version: 13 at first, then renaming across folders, truncating, and ioctl of devices.
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_RIGHTS = 16


def landlock_version() -> int:
    """The version of Landlock that the kernel has; 0 for none."""
    try:
        return syscall(_CREATE, None, 0, 1, what="landlock")
    except OSError:
        return 0


def confine(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Let this process and its children read ``readable`` and use ``writable``, and no other files; no TCP either.

    From version 6 on, signals to processes outside are refused too.

    Raises:
        OSError: the kernel has no Landlock.
    """
    version = landlock_version()
    rights = (1 << _RIGHTS.get(version, _ALL_RIGHTS)) - 1
    asked = struct.pack("=QQQ", rights, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = syscall(_CREATE, ctypes.c_char_p(asked), size, 0, what="landlock")
    try:
        for path in readable:
            _allow(rules, path, _EXECUTE | _READ_FILE | _READ_FOLDER)
        for path in writable:
            _allow(rules, path, rights)
        no_new_privileges()
        syscall(_RESTRICT, rules, 0, what="landlock")
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        allowed = rights if os.path.isdir(path) else rights & _OF_FILES
        syscall(_ADD, rules, _BENEATH, ctypes.c_char_p(struct.pack("=Qi", allowed, descriptor)), 0, what="landlock")
    finally:
        os.close(descriptor)
